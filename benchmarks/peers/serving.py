"""A server of any kind, started, waited for by asking it for a picture's digit, and stopped with all it started."""

from __future__ import annotations

import contextlib
import ctypes
import http.client
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from benchmarks import server
from benchmarks.peers.payloads import Bodies, Body, Probabilities, WrongAnswerError, compare
from benchmarks.processes import PROC, Process, descendants, start_ticks, survey
from benchmarks.server import ROOT, ServerError

START_SECONDS = 90.0
GRACE_SECONDS = 10.0
_POLL_SECONDS = 0.02
_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Serving:
    """A server that answers. `first_answer_seconds` counts from its start; `bodies` are in the form that it speaks."""

    name: str
    port: int
    path: str
    pid: int
    first_answer_seconds: float
    bodies: Bodies
    ready_seconds: float | None = None
    """Until it said that it was ready, where it has a way to say so that means a prediction."""

    def answer(self, body: Body) -> bytes:
        """To one request.

        :raise WrongAnswerError: another status than 200, or none.
        """
        try:
            status, answer = server.request(
                self.port, "POST", self.path, body.path.read_bytes(), {"Content-Type": body.content_type}
            )
        except (OSError, http.client.HTTPException) as error:
            raise WrongAnswerError(f"{body.path.name} was not answered: {error!r}") from error
        if status != 200:
            raise WrongAnswerError(f"{body.path.name} was answered {status}: {answer[:200]!r}")
        return answer

    def check(self, kind: str, expected: Mapping[str, Probabilities]) -> None:
        """One answer, picture by picture.

        :raise WrongAnswerError: it is not what was expected.
        """
        compare(self.answer(self.bodies[kind]), expected[kind])

    def processes(self) -> list[Process]:
        """Each with its memory and CPU time so far; roles are ours, or a program's name where ours say nothing."""
        return survey(self.pid)


@contextlib.contextmanager
def serving(
    name: str,
    command: Sequence[str],
    environment: Mapping[str, str],
    port: int,
    path: str,
    bodies: Bodies,
    *,
    start_seconds: float = START_SECONDS,
) -> Iterator[Serving]:
    """Run `command` until it answers the small picture with 200; stopped at the end, by force after ten seconds.

    :raise ServerError: it ended, or did not answer in time; with the end of what it wrote.
    """
    others = frozenset(descendants(os.getpid()))
    with tempfile.TemporaryFile() as log:
        started = time.monotonic()
        process = subprocess.Popen(
            command, cwd=ROOT, env=dict(environment), stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            found = Serving(name, port, path, process.pid, 0.0, bodies)
            try:
                seconds = _first_answer(found, process, started, start_seconds) - started
            except ServerError as error:
                log.seek(0)
                last_words = log.read().decode(errors="replace").splitlines()[-15:]
                raise ServerError("\n".join([str(error), *(line[:300] for line in last_words)])) from error
            yield Serving(name, port, path, process.pid, seconds, bodies)
        finally:
            server.stop(process, GRACE_SECONDS, tidy=False)
            sweep(others)


def _first_answer(found: Serving, process: subprocess.Popen[bytes], started: float, patience_seconds: float) -> float:
    last = "nothing"
    while True:
        try:
            found.answer(found.bodies["png"])
            return time.monotonic()
        except WrongAnswerError as error:
            last = str(error)
        if process.poll() is not None:
            raise ServerError(f"{found.name} ended with {process.returncode} before it answered")
        if time.monotonic() - started > patience_seconds:
            raise ServerError(f"{found.name} did not answer within {patience_seconds:.0f} s; at last: {last}")
        time.sleep(_POLL_SECONDS)


def adopt_orphans() -> None:
    """From now on whoever loses its parent among our descendants becomes our child, so that `sweep` finds it (Linux)."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def sweep(kept: Set[int] = frozenset()) -> list[int]:
    """Kill every descendant of this process but those `kept`; which they were. Blocks until they are gone."""
    left = [pid for pid in descendants(os.getpid())[1:] if pid not in kept]
    ticks = {pid: start_ticks(pid) for pid in left}
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + GRACE_SECONDS
    while any(found is not None and start_ticks(pid) == found for pid, found in ticks.items()):
        if time.monotonic() > deadline:
            break
        time.sleep(_POLL_SECONDS)
    for pid in left:
        # Those that were adopted are ours to bury; others' children are not.
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
    return [pid for pid in left if ticks[pid] is not None]


def program_of(pid: int) -> str:
    """What a process is: its title's first word where it has given itself one (Ray's actors), or its program's name."""
    try:
        words = (PROC / str(pid) / "cmdline").read_text().replace("\0", " ").split()
    except (FileNotFoundError, ProcessLookupError):
        return "gone"
    if not words:
        return "gone"
    if words[0].startswith("ray::"):
        return words[0]
    name = Path(words[0]).name
    return "Python" if name.startswith("python") else name


def by_program(processes: Sequence[Process]) -> list[Process]:
    """The same processes with their programs as roles, for servers of which we know no roles."""
    return [Process(process.pid, program_of(process.pid), process.memory, process.cpu_seconds) for process in processes]
