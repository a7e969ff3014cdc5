"""Real processes for tests: started under a mark that their whole family inherits, so that none of it is overlooked.

Children of the service run in sessions of their own and may outlive their parent, so neither a process group nor a
walk from parent to child finds them all; what a process was given as its environment does.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_SECONDS = 120.0
"""For what takes seconds on a quiet machine, on one that is busy with something else."""
_MARK = "TEST_FAMILY"
_POLL_SECONDS = 0.01
T = TypeVar("T")


def eventually(look: Callable[[], T], within_seconds: float = PATIENCE_SECONDS) -> T:
    """What `look` returns as soon as that is true in a boolean sense.

    :raise AssertionError: it was not in time; the message holds the last value.
    """
    deadline_seconds = time.monotonic() + within_seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline_seconds:
            raise AssertionError(f"not within {within_seconds:g} s; last seen: {found!r}")
        time.sleep(_POLL_SECONDS)


def eventually_equal(look: Callable[[], object], expected: object, within_seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until `look` returns `expected`.

    :raise AssertionError: it was not in time; the message holds both.
    """
    with contextlib.suppress(AssertionError):
        eventually(lambda: look() == expected, within_seconds)
    found = look()
    assert found == expected, f"{found!r} is not {expected!r}"


class Family:
    """A process and all that it starts. `log` gets what it and they write to stderr."""

    def __init__(self, command: Sequence[str], settings: Mapping[str, str], log: Path) -> None:
        """Start `python <command>` in the repository with `settings` and none of the caller's own."""
        self._mark = f"{_MARK}={secrets.token_hex(8)}"
        self.log = log
        with log.open("wb") as stream:
            self.process = subprocess.Popen(
                [sys.executable, *command],
                cwd=ROOT,
                env=environment(settings) | dict([self._mark.split("=")]),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stream,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    def alive(self) -> list[int]:
        """All of the family that are running; those that have ended and wait to be collected are not."""
        return [pid for pid in all_pids() if self._mark.encode() in _read(pid, "environ").split(b"\0")]

    def find(self, *words: str, parent: int | None = None) -> list[int]:
        """Those whose command line holds every one of `words`, and whose parent is `parent` where one is given."""
        return [
            pid
            for pid in self.alive()
            if all(word.encode() in _read(pid, "cmdline").split(b"\0") for word in words)
            and (parent is None or parent_of(pid) == parent)
        ]

    def send(self, signal_number: signal.Signals) -> None:
        """Signal the first process alone."""
        self.process.send_signal(signal_number)

    def exit_status(self, within_seconds: float = PATIENCE_SECONDS) -> int:
        """Of the first process, once it has ended."""
        return self.process.wait(within_seconds)

    def end(self) -> list[int]:
        """Kill what is left and return it; nothing is left afterwards."""
        left = self.alive()
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(PATIENCE_SECONDS)
        eventually(lambda: not self.alive())
        return left


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment, but for the service's settings: those are `settings` and nothing else."""
    ours = ("DIGITS_", "PROMETHEUS_", _MARK)
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | dict(settings)


def run_python(command: Sequence[str], settings: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run `python <command>` in the repository to its end; its output is kept."""
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=environment(settings or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE_SECONDS,
        check=False,
    )


def all_pids() -> list[int]:
    return sorted(int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def parent_of(pid: int) -> int | None:
    """None when `pid` has ended."""
    # The program's name stands in brackets and may hold brackets itself, so fields are counted from the last one.
    fields = _read(pid, "stat").rpartition(b")")[2].split()
    return int(fields[1]) if fields else None


def is_stopped(pid: int) -> bool:
    """Whether SIGSTOP has taken effect on every thread of `pid`."""
    tasks = list(Path(f"/proc/{pid}/task").iterdir())
    return all((task / "stat").read_bytes().rpartition(b")")[2].split()[0] == b"T" for task in tasks)


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:  # it has ended, or is not ours to look at
        return b""


def ensure_command(command: str, package: str, reason: str) -> str:
    """Where `command` is; Debian's `package` that has it is installed if it is nowhere."""
    if shutil.which(command) is None:
        subprocess.run([ROOT / "requirements" / "system-package.sh", package, reason], check=True)
    found = shutil.which(command)
    assert found is not None, f"{package} has no {command}"
    return found


def ensure_compiler() -> None:
    """A C compiler is there, which the benchmarks' open loop is made with."""
    ensure_command("cc", "build-essential", "the benchmarks' open loop is compiled")


def ensure_wrk() -> None:
    """The benchmarks' closed loop is there."""
    ensure_command("wrk", "wrk", "it makes the benchmarks' load")
