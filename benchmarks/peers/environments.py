"""A virtual environment for each peer, made from its lock in requirements/peers/ and made again when that changes."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.server import ROOT

LOCKS = ROOT / "requirements" / "peers"
ENVIRONMENTS = ROOT / ".venv-peers"
INSTALL_SECONDS = 600
_STAMP = "installed-lock.txt"


class InstallError(Exception):
    """A peer cannot be installed here; the message says why."""


def python_of(name: str, environments: Path = ENVIRONMENTS) -> Path:
    """Where the interpreter of the peer's environment is, once it is installed."""
    return environments / name / "bin" / "python"


def is_installed(name: str, environments: Path = ENVIRONMENTS, locks: Path = LOCKS) -> bool:
    """Whether the environment was made from the lock as it is now."""
    stamp = environments / name / _STAMP
    return stamp.exists() and stamp.read_bytes() == (locks / f"{name}.txt").read_bytes()


def locked_version(distribution: str, lock: str) -> str:
    """The version of `distribution` in the text of a lock."""
    found = re.search(rf"^{re.escape(distribution)}==([^\s;]+)", lock, re.MULTILINE)
    return found[1] if found else "unknown"


def install(name: str, say: Callable[[str], None], environments: Path = ENVIRONMENTS) -> Path:
    """The peer's interpreter; blocks for minutes the first time. From wheels alone if there are any for everything.

    :raise InstallError: it does not go, with the installer's last words.
    """
    python = python_of(name, environments)
    if is_installed(name, environments):
        return python
    lock = LOCKS / f"{name}.txt"
    uv = str(Path(sys.executable).with_name("uv"))
    say(f"installing {name}")
    _run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(environments / name)])
    command = [uv, "pip", "install", "--quiet", "--python", str(python), "--require-hashes", "--no-deps"]
    command += ["--compile-bytecode", "--requirement", str(lock)]
    try:
        _run([*command, "--only-binary", ":all:"])
    except InstallError:
        say(f"installing {name}, building what has no wheel")
        _run(command)
    (environments / name / _STAMP).write_bytes(lock.read_bytes())
    return python


def _run(command: list[str]) -> None:
    try:
        ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS)
    except FileNotFoundError as error:
        raise InstallError(f"{command[0]} is not there; `make dev` installs it") from error
    except subprocess.TimeoutExpired as error:
        raise InstallError(f"not done after {INSTALL_SECONDS} s: {' '.join(command[:4])} …") from error
    if ran.returncode != 0:
        raise InstallError((ran.stderr or ran.stdout).strip()[-1500:])
