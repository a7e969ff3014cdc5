"""Probes in processes of their own: one, or several that measure at the same time."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from typing import IO, Any

from benchmarks.gpu_check.probe import READY, Job, as_json
from benchmarks.server import ROOT


class ProbeError(Exception):
    """A probe failed; with the end of what it wrote."""


def run(task: str, job: Job) -> dict[str, Any]:
    """What one probe found; blocks.

    :raise ProbeError: it failed.
    """
    with _started(task, job) as (process, log):
        return _result(process, log)


def run_together(jobs: Sequence[Job]) -> list[dict[str, Any]]:
    """The `rates` of several probes that begin at the same time, when all of them are warm; blocks.

    :raise ProbeError: one failed.
    """
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(_started("rates", job)) for job in jobs]
        for process, log in probes:
            _wait_until_ready(process, log)
        for process, _ in probes:
            stdin = _pipe(process.stdin)
            stdin.write("go\n")
            stdin.flush()
        return [_result(process, log) for process, log in probes]


@contextlib.contextmanager
def _started(task: str, job: Job) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.gpu_check.probe", task, as_json(job)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            yield process, log
        finally:
            process.kill()
            process.communicate()


def _wait_until_ready(process: subprocess.Popen[str], log: IO[str]) -> None:
    for line in _pipe(process.stdout):
        if line.strip() == READY:
            return
    raise _failed(process, log)


def _result(process: subprocess.Popen[str], log: IO[str]) -> dict[str, Any]:
    lines = _pipe(process.stdout).read().splitlines()
    if process.wait() or not lines:
        raise _failed(process, log)
    return dict(json.loads(lines[-1]))


def _failed(process: subprocess.Popen[str], log: IO[str]) -> ProbeError:
    status = process.wait()
    log.seek(0)
    return ProbeError("\n".join([f"a probe ended with {status}:", *log.read().splitlines()[-20:]]))


def _pipe(stream: IO[str] | None) -> IO[str]:
    if stream is None:
        raise RuntimeError("the process was started without this pipe")
    return stream
