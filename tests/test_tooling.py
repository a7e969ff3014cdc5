"""The project's own files agree with each other: one version, locks that are whole, checks that are the documented ones."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from service.version import __version__
from tests.import_graph import find_modules, is_inside, read_imports

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements"
LOCKS = ("service", "gpu", "training", "dev")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


@dataclass(frozen=True)
class Pin:
    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]


def pins(lock: str) -> list[Pin]:
    """The lines of a lock that are not comments, joined where a backslash joins them; fails on one of another form."""
    text = re.sub(r"^\s*#.*$", "", (REQUIREMENTS / f"{lock}.txt").read_text(), flags=re.MULTILINE)
    found = []
    for line in filter(None, (line.strip() for line in text.replace("\\\n", " ").splitlines())):
        parts = re.fullmatch(
            r"([a-z0-9-]+)(?:\[[a-z-]+\])?==(\S+)(?: ; (.*?))?((?:\s+--hash=sha256:[0-9a-f]{64})+)", line
        )
        assert parts, f"{lock}.txt: {line[:100]}"
        found.append(Pin(parts[1], parts[2], parts[3] or "", tuple(parts[4].split())))
    return found


def asked_for(file: str) -> set[str]:
    """Names of the packages in `requirements/<file>.in`, those of the files it includes as well."""
    names: set[str] = set()
    for line in (REQUIREMENTS / f"{file}.in").read_text().splitlines():
        if included := re.fullmatch(r"-r (\w+)\.in", line):
            names |= asked_for(included[1])
        elif line and not line.startswith("#"):
            names.add(re.match(r"[a-z0-9-]+", line)[0])  # type: ignore[index]
    return names


def test_the_version_is_stated_once() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)
    assert PYPROJECT["project"]["dynamic"] == ["version"]
    assert "version" not in PYPROJECT["project"]
    assert PYPROJECT["tool"]["setuptools"]["dynamic"]["version"]["attr"] == "service.version.__version__"
    sources = [
        *find_modules(ROOT, ["architectures", "service", "training"]).values(),
        ROOT / "pyproject.toml",
        ROOT / "Makefile",
    ]
    stated = [path.relative_to(ROOT) for path in sources if __version__ in path.read_text()]
    assert stated == [Path("service/version.py")]


def test_the_changelog_knows_the_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert re.search(
        rf"^## \[{re.escape(__version__)}\] - \d{{4}}-\d\d-\d\d$|^The .*{re.escape(__version__)}\.$",
        changelog,
        re.MULTILINE,
    )


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_everything_by_digest_and_names_no_address(lock: str) -> None:
    assert len(pins(lock)) > 20
    text = (REQUIREMENTS / f"{lock}.txt").read_text()
    assert "make lock" in text.splitlines()[1]
    for word in ("://", "--index-url", "--extra-index-url", "--find-links", "--trusted-host"):
        assert word not in text


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_what_was_asked_for(lock: str) -> None:
    assert asked_for(lock) <= {pin.name for pin in pins(lock)}


def test_the_locks_agree() -> None:
    versions: dict[str, set[str]] = {}
    for lock in LOCKS:
        for pin in pins(lock):
            versions.setdefault(pin.name, set()).add(pin.version)
    assert not {name: found for name, found in versions.items() if len(found) > 1}


def test_dev_holds_service_and_training() -> None:
    def held(lock: str) -> set[tuple[str, str, tuple[str, ...]]]:
        # Not the marker: what another package asks for too is needed in more places there.
        return {(pin.name, pin.version, pin.hashes) for pin in pins(lock)}

    dev = held("dev")
    assert held("service") <= dev
    assert held("training") <= dev


def test_each_lock_has_its_own_tensorflow() -> None:
    cpu = {pin.name: pin.marker for pin in pins("service") if pin.name.startswith("tensorflow")}
    assert set(cpu) == {"tensorflow", "tensorflow-cpu"}
    assert "platform_machine == 'x86_64'" in cpu["tensorflow-cpu"]
    assert "platform_machine != 'x86_64'" in cpu["tensorflow"]
    gpu = {pin.name: pin.marker for pin in pins("gpu")}
    assert gpu["tensorflow"] == ""
    assert "tensorflow-cpu" not in gpu
    assert "nvidia-cudnn-cu12" in gpu


@pytest.mark.parametrize(
    ("package", "files"),
    [
        ("service", ["service"]),
        ("training", ["training"]),
        ("benchmarks", ["dev"]),
        ("deploy", ["dev"]),
        ("monitoring", ["dev"]),
        ("tests", ["dev"]),
    ],
)
def test_what_is_imported_is_asked_for(package: str, files: list[str]) -> None:
    """By name, not by being there for another's sake; and what serves does not import what only tests need."""
    providers = packages_distributions()
    ours = {
        "architectures",
        "monitoring",
        "deploy",
        "service",
        "training",
        "benchmarks",
        "tests",
        "examples",
        "__future__",
    } | sys.stdlib_module_names
    asked = set().union(*(asked_for(file) for file in files))
    missing = {
        str(found)
        for found in read_imports(find_modules(ROOT, [package]))
        # The peers' applications run in environments of their own, and their imports are held against those.
        if not is_inside(found.importer, "benchmarks.peers.apps")
        and (name := found.target.partition(".")[0]) not in ours
        and not {re.sub(r"[-_.]+", "-", provider).lower() for provider in providers.get(name, [])} & asked
    }
    assert not missing


def test_the_pythons_are_the_same_everywhere() -> None:
    assert PYPROJECT["project"]["requires-python"] == ">=3.11,<3.14"
    assert PYPROJECT["tool"]["ruff"]["target-version"] == "py311"
    assert PYPROJECT["tool"]["mypy"]["python_version"] == "3.11"
    assert "(3, 11) <= sys.version_info[:2] <= (3, 13)" in (REQUIREMENTS / "install.sh").read_text()
    assert "--python-version 3.11" in (ROOT / "Makefile").read_text()


@pytest.mark.parametrize("script", ["requirements/install.sh", "requirements/system-package.sh", ".ci/run"])
def test_scripts_can_be_run(script: str) -> None:
    path = ROOT / script
    assert path.stat().st_mode & 0o111
    assert path.read_text().startswith("#!/usr/bin/env bash\n")
    assert "\nset -euo pipefail\n" in path.read_text()
    ran = subprocess.run(["bash", "-n", path], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_ci_runs_the_checks_and_then_the_documented_tests() -> None:
    commands = [line for line in (ROOT / ".ci" / "run").read_text().splitlines() if line.startswith("make")]
    assert commands == ["make lint", "make test"]


def test_the_hooks_are_our_own_tools() -> None:
    config = ROOT / ".pre-commit-config.yaml"
    command = [sys.executable, "-m", "pre_commit", "validate-config", str(config)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    text = config.read_text()
    assert set(re.findall(r"repo: (\S+)", text)) == {"local"}
    entries = re.findall(r"entry: \.venv/bin/(\S+)", text)
    assert len(entries) == text.count("- id:")
    assert set(entries) <= asked_for("dev")


def test_the_licence_is_the_declared_one() -> None:
    assert PYPROJECT["project"]["license"] == "MIT"
    text = (ROOT / "LICENSE").read_text()
    assert text.startswith("MIT License\n")
    assert "The digits authors" in text
