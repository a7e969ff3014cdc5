"""The Makefile on a tree of its own, whose service is a few lines and whose locks are empty."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SERVICE = """
import os, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print("serving on", os.environ["DIGITS_PORT"], "as", os.getpid(), flush=True)
signal.pause()
"""


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL"}}
    return subprocess.run(
        ["make", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def targets() -> set[str]:
    return set(re.findall(r"^\.PHONY: (\S+)$", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    shutil.copy2(ROOT / "Makefile", tmp_path)
    (tmp_path / "requirements").mkdir()
    for script in ("install.sh", "system-package.sh"):
        shutil.copy2(ROOT / "requirements" / script, tmp_path / "requirements")
    for lock in ("service", "gpu", "training", "dev"):
        (tmp_path / "requirements" / f"{lock}.txt").write_text(f"# {lock}\n")
    (tmp_path / "service").mkdir()
    (tmp_path / "service" / "__main__.py").write_text(SERVICE)
    return tmp_path


@pytest.mark.parametrize("arguments", [(), ("help",)])
def test_make_says_what_there_is(arguments: Sequence[str]) -> None:
    ran = make(ROOT, *arguments)
    assert ran.returncode == 0, ran.stderr
    shown = {line.split()[1] for line in ran.stdout.splitlines()}
    assert shown == targets()
    assert shown >= {"help", "serve", "test", "test-fast", "train", "lint", "format", "bench", "lock", "clean"}


def test_every_target_is_phony_and_every_phony_is_there() -> None:
    named = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert named == targets()


@pytest.mark.slow
def test_serve_installs_starts_and_ends_with_a_signal(tree: Path) -> None:
    command = ["make", "serve", "PORT=9123", "GPU=0", f"PYTHON={sys.executable}", "VENV=env"]
    with subprocess.Popen(command, cwd=tree, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        words = process.stdout.readline().split()
        assert words[:3] == ["serving", "on", "9123"], process.communicate()
        service = int(words[-1])
        process.send_signal(signal.SIGTERM)
        process.wait()
    with pytest.raises(ProcessLookupError):
        os.kill(service, 0)
    assert (tree / "env" / "installed-locks" / "service.txt").exists()
    assert not (tree / "env-gpu").exists()


@pytest.mark.slow
def test_a_gpu_has_an_environment_of_its_own_and_clean_removes_both(tree: Path) -> None:
    (tree / "service" / "__main__.py").write_text("import os; print('port', os.environ['DIGITS_PORT'])")
    for gpu in ("0", "1"):
        ran = make(tree, "serve", f"GPU={gpu}", f"PYTHON={sys.executable}")
        assert ran.returncode == 0, ran.stderr
        assert ran.stdout == "port 8000\n"
    assert (tree / ".venv" / "installed-locks" / "service.txt").exists()
    assert (tree / ".venv-gpu" / "installed-locks" / "gpu.txt").exists()
    assert make(tree, "clean").returncode == 0
    assert {path.name for path in tree.iterdir()} == {"Makefile", "requirements", "service"}


def test_clean_leaves_alone_what_is_no_environment(tree: Path) -> None:
    (tree / ".venv").mkdir()
    (tree / ".venv" / "thesis.txt").write_text("ten years")
    assert make(tree, "clean").returncode == 0
    assert (tree / ".venv" / "thesis.txt").exists()


def test_what_fails_stops_make(tree: Path) -> None:
    ran = make(tree, "serve", "GPU=0", "PYTHON=/no/such/python")
    assert ran.returncode != 0
    assert "PYTHON=/no/such/python is no Python 3.11, 3.12 or 3.13" in ran.stderr
    assert not ran.stdout
