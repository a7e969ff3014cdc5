"""`requirements/install.sh` with real environments, tiny locks and no network."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
TOOLS = ("bash", "dirname", "basename", "cmp", "ls", "mkdir", "touch", "find", "rm", "cp", "id", "flock")
NAMES = ("service", "training", "gpu", "dev")


@dataclass(frozen=True)
class Checkout:
    """A folder with the two scripts and four locks, and a place for an environment."""

    folder: Path

    @property
    def venv(self) -> Path:
        return self.folder / "venv"

    @property
    def python(self) -> Path:
        return self.venv / "bin" / "python"

    def write_lock(self, name: str, text: str) -> None:
        (self.folder / "requirements" / f"{name}.txt").write_text(text)

    def command(self, lock: str) -> list[str]:
        return [str(self.folder / "requirements" / "install.sh"), str(self.venv), lock]

    def install(self, lock: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run it with this very interpreter, unless `environment` says otherwise."""
        inherited = {**os.environ, "PYTHON": sys.executable, "PIP_NO_INDEX": "1", **environment}
        return subprocess.run(self.command(lock), env=inherited, capture_output=True, text=True, check=False)

    def installed(self, lock: str, **environment: str) -> str:
        """What it said, once it has worked."""
        ran = self.install(lock, **environment)
        assert ran.returncode == 0, ran.stderr
        return ran.stderr


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    folder = tmp_path / "requirements"
    folder.mkdir()
    for script in ("install.sh", "system-package.sh"):
        shutil.copy2(ROOT / "requirements" / script, folder)
    made = Checkout(tmp_path)
    for name in NAMES:
        made.write_lock(name, f"# {name}\n")
    return made


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """The smallest wheel there is: one module, `tiny`."""
    path = tmp_path / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tiny.py", "ANSWER = 7\n")
        archive.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        archive.writestr("tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("tiny-1.0.dist-info/RECORD", "")
    return path


def requirement(wheel: Path, digest: str) -> str:
    return f"tiny @ {wheel.as_uri()} \\\n    --hash=sha256:{digest}\n"


def stub(folder: Path, name: str, script: str) -> None:
    """A program `name` in `folder`."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!{shutil.which('bash')}\n{script}\n")
    (folder / name).chmod(0o755)


def bare_path(folder: Path) -> str:
    """A PATH with what the scripts use and nothing else: no Python, no apt-get, no sudo."""
    folder.mkdir()
    for tool in TOOLS:
        if found := shutil.which(tool):
            (folder / tool).symlink_to(found)
    return str(folder)


@pytest.mark.slow
def test_a_lock_is_installed_once_and_again_when_it_changes(checkout: Checkout, wheel: Path) -> None:
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    checkout.write_lock("service", requirement(wheel, digest))
    said = checkout.installed("service")
    assert "making" in said
    assert "installing requirements/service.txt" in said
    ran = subprocess.run(
        [checkout.python, "-c", "import tiny; print(tiny.ANSWER, tiny.__cached__)"], capture_output=True, check=True
    )
    answer, byte_code = ran.stdout.decode().split()
    assert answer == "7"
    assert Path(byte_code).exists()

    assert checkout.installed("service") == ""

    planted = checkout.venv / "planted"
    planted.touch()
    checkout.write_lock("service", requirement(wheel, digest) + "# changed\n")
    said = checkout.installed("service")
    assert "installing requirements/service.txt" in said
    assert "making" not in said
    assert planted.exists()

    # Half done and forgotten: the environment is made afresh.
    (checkout.venv / "half-installed").touch()
    assert "making" in checkout.installed("service")
    assert not planted.exists()
    assert checkout.installed("service") == ""


@pytest.mark.slow
def test_dev_holds_service_and_training(checkout: Checkout) -> None:
    checkout.installed("dev")
    assert checkout.installed("service") == ""
    assert checkout.installed("training") == ""
    # An older lock of one of them makes the other's installation a thing of the past, and dev's too.
    for name in ("service", "dev"):
        checkout.write_lock(name, f"# older {name}\n")
    assert "service.txt" in checkout.installed("service")
    assert "dev.txt" in checkout.installed("dev")
    for name in ("service", "dev"):
        checkout.write_lock(name, f"# {name}\n")
    assert "service.txt" in checkout.installed("service")


@pytest.mark.slow
def test_a_digest_that_differs_fails_and_is_not_taken_for_installed(checkout: Checkout, wheel: Path) -> None:
    checkout.write_lock("service", requirement(wheel, "0" * 64))
    for _ in range(2):
        ran = checkout.install("service")
        assert ran.returncode != 0
        assert "DO NOT MATCH THE HASHES" in ran.stdout + ran.stderr
    checkout.write_lock("service", requirement(wheel, hashlib.sha256(wheel.read_bytes()).hexdigest()))
    assert "making" in checkout.installed("service")
    assert checkout.installed("service") == ""


@pytest.mark.slow
def test_two_at_once_do_the_work_once(checkout: Checkout) -> None:
    environment = {**os.environ, "PYTHON": sys.executable, "PIP_NO_INDEX": "1"}
    running = [
        subprocess.Popen(checkout.command(lock), env=environment, stderr=subprocess.PIPE, text=True)
        for lock in ("dev", "dev")
    ]
    said = [process.communicate()[1] for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert sorted(text.count("making") for text in said) == [0, 1]


@pytest.mark.slow
def test_the_first_python_that_fits_is_taken(checkout: Checkout, tmp_path: Path) -> None:
    path = bare_path(tmp_path / "bin")
    stub(tmp_path / "bin", "python3", "exit 1")  # as 3.10 or 3.14 would answer when asked for its version
    stub(tmp_path / "bin", "python3.12", f'exec {sys.executable} "$@"')
    checkout.installed("service", PATH=path, PYTHON="")
    found = subprocess.run(
        [checkout.python, "-c", "import sys; print(sys.version)"], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == sys.version.replace("\n", "")


def test_no_python_that_fits_is_said_with_what_to_do(checkout: Checkout, tmp_path: Path) -> None:
    path = bare_path(tmp_path / "bin")
    stub(tmp_path / "bin", "python3", '[[ $1 == --version ]] && echo "Python 3.10.12"')
    ran = checkout.install("service", PATH=path, PYTHON="")
    assert ran.returncode == 2
    assert "Python 3.11, 3.12 or 3.13 is needed" in ran.stderr
    assert "found Python 3.10.12" in ran.stderr
    assert "make PYTHON=" in ran.stderr
    assert not checkout.venv.exists()


def test_a_named_python_that_does_not_fit_is_refused(checkout: Checkout, tmp_path: Path) -> None:
    stub(tmp_path / "bin", "old-python", "exit 1")
    ran = checkout.install("service", PYTHON=str(tmp_path / "bin" / "old-python"))
    assert ran.returncode == 2
    assert "old-python is no Python 3.11, 3.12 or 3.13" in ran.stderr


def test_a_python_without_venv_names_the_package_that_is_missing(checkout: Checkout, tmp_path: Path) -> None:
    path = bare_path(tmp_path / "bin")
    stub(tmp_path / "bin", "python3", f'case "$2" in *ensurepip*) exit 1;; esac; exec {sys.executable} "$@"')
    ran = checkout.install("service", PATH=path, PYTHON="")
    assert ran.returncode == 2
    assert f"python3.{sys.version_info.minor}-venv is missing" in ran.stderr
    assert not checkout.venv.exists()


def test_a_folder_that_is_no_environment_is_left_alone(checkout: Checkout) -> None:
    checkout.venv.mkdir()
    (checkout.venv / "thesis.txt").write_text("ten years")
    ran = checkout.install("service")
    assert ran.returncode == 2
    assert "it is left alone" in ran.stderr
    assert [path.name for path in checkout.venv.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(
    ("user", "sudo", "expected"),
    [
        ("0", "exit 1", ["update", "install"]),
        ("1000", 'shift; exec "$@"', ["update", "install"]),
        ("1000", "exit 1", []),
    ],
)
def test_a_system_package_is_installed_where_nobody_needs_to_be_asked(
    tmp_path: Path, user: str, sudo: str, expected: list[str]
) -> None:
    path = bare_path(tmp_path / "bin")
    (tmp_path / "bin" / "id").unlink()
    stub(tmp_path / "bin", "id", f"echo {user}")
    # `sudo -n true` asks whether it may; the stub of `true` lets it.
    stub(tmp_path / "bin", "true", "exit 0")
    stub(tmp_path / "bin", "sudo", sudo)
    stub(tmp_path / "bin", "apt-get", f'echo "$1" >> {tmp_path}/calls')
    script = ROOT / "requirements" / "system-package.sh"
    ran = subprocess.run(
        [shutil.which("bash") or "bash", script, "wrk", "it makes the load"],
        env={"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    calls = (tmp_path / "calls").read_text().split() if expected else []
    assert calls == expected
    assert (ran.returncode == 0) == bool(expected)
    assert expected or "Run 'sudo apt-get install wrk'" in ran.stderr
