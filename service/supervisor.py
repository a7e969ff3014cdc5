"""Starts the engine and the HTTP server, restarts an engine that dies, and ends both in the right order.

SIGTERM, SIGINT   HTTP stops accepting and finishes what is in flight, then the engine goes, then we do
SIGHUP            new HTTP workers replace the old ones
engine dies       a new one after a pause that doubles with each death in a row; HTTP answers 503 meanwhile
engine cannot     we end too, with status 2: a wrong setting is not mended by trying again
HTTP dies         we end too, with its status: whoever started us knows better than we what to do
"""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from types import FrameType

from service import logs, metrics
from service.children import spawn, stop
from service.settings import Settings

log = logs.get(__name__)

LIVED_WELL_SECONDS = 60.0
"""An engine that lived so long starts the back-off anew."""


CANNOT_START = 2
"""The exit status of a process that no restart would help: a setting is wrong, a device or port is not to be had."""


class CannotStartError(Exception):
    """The message says what is in the way."""


class Supervisor:
    """One service: an engine and an HTTP server."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stop_signal: int | None = None
        self._hang_up = False
        self._deaths_in_a_row = 0
        self._restart_at_seconds: float | None = None
        self._engine_cannot_start = False

    def run(self) -> int:
        """Until a signal, or until HTTP ends or the engine cannot start. Blocks; the exit status.

        :raise CannotStartError: the port is taken.
        """
        listener = self._listen()
        host, port = listener.getsockname()[:2]
        environment = self._settings.environment()
        for signal_number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(signal_number, self._note)
        signals = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD}
        http = self._start_http(environment, listener)
        self._engine = self._start_engine(environment)
        log.info("service_starting", url=f"http://{host}:{port}", http_pid=http.pid, engine_pid=self._engine.pid)
        # Blocked but for the wait below, so that none comes between a look and the wait.
        signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        while self._stop_signal is None and http.poll() is None:
            self._look_after_engine(environment)
            if self._engine_cannot_start:
                break
            if self._hang_up:
                self._hang_up = False
                http.send_signal(signal.SIGHUP)
            pending = signal.sigtimedwait(signals, self._pause_seconds())
            if pending is not None:
                self._note(pending.si_signo, None)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
        return self._end(http)

    def _note(self, signal_number: int, _: FrameType | None) -> None:
        if signal_number in (signal.SIGTERM, signal.SIGINT):
            self._stop_signal = signal_number
        elif signal_number == signal.SIGHUP:
            self._hang_up = True

    # --- starting

    def _listen(self) -> socket.socket:
        """Bound here, so that a taken port is said at once and connections wait while workers start."""
        family = socket.AF_INET6 if ":" in self._settings.host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((self._settings.host, self._settings.port))
        except OSError as error:
            raise CannotStartError(
                f"cannot listen on {self._settings.host}:{self._settings.port}: {error.strerror}; "
                "choose another DIGITS_PORT (make serve PORT=…)"
            ) from None
        listener.listen(2048)
        return listener

    def _start_http(self, environment: dict[str, str], listener: socket.socket) -> subprocess.Popen[bytes]:
        command = [
            sys.executable, "-m", "gunicorn", "--config", "python:service.gunicorn_conf",
            "--bind", f"fd://{listener.fileno()}", "service.asgi:create()",
        ]  # fmt: skip
        http = spawn(command, environment, pass_fds=[listener.fileno()])
        listener.close()  # gunicorn's alone now: when it stops, nobody listens
        return http

    def _start_engine(self, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        self._engine_started_seconds = time.monotonic()
        return spawn([sys.executable, "-m", "service.engine"], environment)

    # --- watching

    def _look_after_engine(self, environment: dict[str, str]) -> None:
        if self._restart_at_seconds is not None:
            if time.monotonic() >= self._restart_at_seconds:
                self._restart_at_seconds = None
                self._engine = self._start_engine(environment)
            return
        status = self._engine.poll()
        if status is None:
            return
        if status == CANNOT_START:
            self._engine_cannot_start = True
            return
        metrics.ENGINE_RESTARTS.inc()
        metrics.forget_process(self._engine.pid)
        lived_seconds = time.monotonic() - self._engine_started_seconds
        self._deaths_in_a_row = 1 if lived_seconds >= LIVED_WELL_SECONDS else self._deaths_in_a_row + 1
        pause_seconds = backoff_seconds(
            self._deaths_in_a_row, self._settings.restart_backoff_seconds, self._settings.restart_backoff_limit_seconds
        )
        self._restart_at_seconds = time.monotonic() + pause_seconds
        log.error("engine_died", status=status, lived_seconds=round(lived_seconds, 1), restart_in_seconds=pause_seconds)

    def _pause_seconds(self) -> float:
        if self._restart_at_seconds is None:
            return 60.0
        return max(0.0, self._restart_at_seconds - time.monotonic())

    # --- ending

    def _end(self, http: subprocess.Popen[bytes]) -> int:
        if self._stop_signal is not None:
            log.info("service_stopping", signal=signal.Signals(self._stop_signal).name)
            http_status = stop(http, self._settings.drain_seconds + 5)
            status = 0 if http_status in (0, -signal.SIGTERM) else 1
        elif self._engine_cannot_start:
            stop(http, self._settings.drain_seconds + 5)
            status = CANNOT_START
        else:
            log.error("http_died", status=http.returncode)
            status = 1
        if self._restart_at_seconds is None:
            stop(self._engine, 10)
        log.info("service_stopped", status=status)
        return status


def backoff_seconds(deaths_in_a_row: int, first_seconds: float, limit_seconds: float) -> float:
    """How long to wait before the next start: `first_seconds`, doubled for every further death."""
    return float(min(limit_seconds, first_seconds * 2 ** (min(deaths_in_a_row, 32) - 1)))
