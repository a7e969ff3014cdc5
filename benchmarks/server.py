"""The real service in processes of its own: started, waited for, asked, stopped, with nothing left behind."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.load import Payload
from benchmarks.processes import Process, descendants, start_ticks, survey

ROOT = Path(__file__).resolve().parent.parent
SERVICE = (sys.executable, "-m", "service")
_POLL_SECONDS = 0.01


class ServerError(Exception):
    """The service did not start, or gave a wrong answer."""


@dataclass(frozen=True)
class Server:
    """A running service. The times count from its start to the first 200."""

    port: int
    pid: int
    live_seconds: float
    ready_seconds: float

    def processes(self) -> list[Process]:
        """Each process of the service with its memory and CPU time so far."""
        return survey(self.pid)

    def get(self, path: str) -> dict[str, Any]:
        """The JSON document at `path`."""
        status, body = request(self.port, "GET", path)
        if status != 200:
            raise ServerError(f"GET {path} was answered {status}: {body[:300]!r}")
        return dict(json.loads(body))

    def check(self, payload: Payload) -> None:
        """Post `payload` once and compare every picture's answer.

        :raise ServerError: another status than 200, another number of predictions, or a wrong digit.
        """
        headers = {"Content-Type": payload.content_type}
        status, body = request(self.port, "POST", "/predict", payload.path.read_bytes(), headers)
        if status != 200:
            raise ServerError(f"{payload.path.name} was answered {status}: {body[:300]!r}")
        digits = [prediction.get("digit") for prediction in json.loads(body)["predictions"]]
        if digits != [payload.digit] * payload.pictures:
            raise ServerError(
                f"{payload.path.name} holds {payload.pictures} × {payload.digit}; {len(digits)} answers, {sorted(set(digits))}"
            )


def free_port() -> int:
    """A TCP port on loopback that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(
    environment: Mapping[str, str], *, command: Sequence[str] = SERVICE, timeout_seconds: float = 120.0
) -> Iterator[Server]:
    """The service on a free port of loopback, ready; stopped at the end, by force after 30 seconds.

    `environment` is added to this process's. `command` is what to run; it is told its port by `DIGITS_PORT`.

    :raise ServerError: it ended, or was not ready in `timeout_seconds`; with the end of what it wrote.
    """
    port = free_port()
    with tempfile.TemporaryFile() as log:
        started = time.monotonic()
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "DIGITS_HOST": "127.0.0.1", **environment, "DIGITS_PORT": str(port)},
            stdout=log,
            stderr=subprocess.STDOUT,
            # Ctrl-C is ours to pass on, once, when the figures are safe.
            start_new_session=True,
        )
        try:
            try:
                live = _wait_for("/healthz", port, process, started, timeout_seconds) - started
                ready = _wait_for("/readyz", port, process, started, timeout_seconds) - started
            except ServerError as error:
                log.seek(0)
                last_words = log.read().decode(errors="replace").splitlines()[-30:]
                raise ServerError("\n".join([str(error), *last_words])) from error
            yield Server(port, process.pid, live, ready)
        finally:
            stop(process)


def _wait_for(path: str, port: int, process: subprocess.Popen[bytes], started: float, timeout_seconds: float) -> float:
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException):
            status, _ = request(port, "GET", path)
            if status == 200:
                return time.monotonic()
        if process.poll() is not None:
            raise ServerError(f"the service ended with {process.returncode} before {path} was 200")
        if time.monotonic() - started > timeout_seconds:
            raise ServerError(f"{path} was not 200 within {timeout_seconds:.0f} s")
        time.sleep(_POLL_SECONDS)


def request(
    port: int, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> tuple[int, bytes]:
    """Ask `port` on loopback → status and body of the answer.

    :raise OSError, http.client.HTTPException: there is none within 30 seconds.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body, dict(headers or {}))
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def stop(process: subprocess.Popen[bytes], grace_seconds: float = 30.0, *, tidy: bool = True) -> None:
    """SIGTERM, wait, and kill what is left of the whole family.

    :raise ServerError: something was left, which is a fault of the service; not raised unless it is to be `tidy`.
    """
    # A pid alone may belong to another by the time it is looked at again.
    family = {pid: start_ticks(pid) for pid in descendants(process.pid)}
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(grace_seconds)
    left = [pid for pid, ticks in family.items() if ticks is not None and start_ticks(pid) == ticks]
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            while start_ticks(pid) == family[pid]:
                time.sleep(_POLL_SECONDS)
    process.wait()
    if left and tidy:
        raise ServerError(f"{len(left)} of {len(family)} processes outlived SIGTERM and were killed")
