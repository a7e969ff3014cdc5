"""Starts the engines and the HTTP server, looks after them, and ends them in the right order.

SIGTERM            /readyz says 503 from now on; HTTP goes on for a moment, so that load balancers see it; then it stops
                   accepting and finishes what is in flight; then the engines go, then we do
SIGINT             the same without the moment; so does a second signal
SIGHUP             new HTTP workers replace the old ones, and the engines look at the models directory at once
an engine ends     see `service.engine_process`
all cannot start   we end too, with status 2
HTTP dies          we end too, with status 1: whoever started us knows better than we what to do
"""

from __future__ import annotations

import select
import signal
import socket
import subprocess
import sys
import time
from types import FrameType

from service import logs
from service.children import spawn, stop
from service.engine_process import CANNOT_START, EngineProcess
from service.settings import Settings

log = logs.get(__name__)

ENGINE_STOP_SECONDS = 10.0
HTTP_STOP_GRACE_SECONDS = 5.0
"""gunicorn ends its workers itself when their time is over; this long after that, we end gunicorn."""
IDLE_SECONDS = 60.0


class CannotStartError(Exception):
    """The message says what is in the way."""


class Supervisor:
    """One service: engines and an HTTP server."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stop_signals: list[int] = []
        self._stop_at_seconds: float | None = None
        self._hang_up = False
        # A signal only sets a flag; this pair makes it end a wait.
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_read.setblocking(False)
        self._wake_write.setblocking(False)

    def run(self) -> int:
        """Until a signal, or until HTTP ends or no engine can start. Blocks; the exit status.

        :raise CannotStartError: the port is taken.
        """
        listener = self._listen()
        host, port = listener.getsockname()[:2]
        signal.set_wakeup_fd(self._wake_write.fileno(), warn_on_full_buffer=False)
        for signal_number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(signal_number, self._note)
        self._engines = [EngineProcess(self._settings, index) for index in range(self._settings.engines)]
        self._http = self._start_http(listener)
        for engine in self._engines:
            engine.start()
        log.info(
            "service_starting",
            url=f"http://{host}:{port}",
            http_pid=self._http.pid,
            engine_pids=[engine.pid for engine in self._engines],
        )
        status = self._serve()
        for engine in self._engines:
            engine.stop(ENGINE_STOP_SECONDS)
        signal.set_wakeup_fd(-1)
        log.info("service_stopped", status=status)
        return status

    def _note(self, signal_number: int, _: FrameType | None) -> None:
        if signal_number in (signal.SIGTERM, signal.SIGINT):
            self._stop_signals.append(signal_number)
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

    def _start_http(self, listener: socket.socket) -> subprocess.Popen[bytes]:
        command = [
            sys.executable, "-m", "gunicorn", "--config", "python:service.gunicorn_conf",
            "--bind", f"fd://{listener.fileno()}", "service.asgi:create()",
        ]  # fmt: skip
        http = spawn(command, self._settings.environment(), pass_fds=[listener.fileno()])
        listener.close()  # gunicorn's alone now: when it stops, nobody listens
        return http

    # --- serving, to the end

    def _serve(self) -> int:
        """Look after all until HTTP has ended; the exit status."""
        while self._http.poll() is None:
            if self._stop_signals:
                if self._is_time_to_stop():
                    break
            elif self._hang_up:
                self._hang_up = False
                for engine in self._engines:
                    engine.hang_up()
                self._http.send_signal(signal.SIGHUP)
            for engine in self._engines:
                engine.look()
            if all(engine.cannot_start for engine in self._engines):
                stop(self._http, self._settings.drain_seconds + HTTP_STOP_GRACE_SECONDS)
                return CANNOT_START
            self._wait()
        else:
            log.error("http_died", status=self._http.returncode)
            return 1
        return self._drain()

    def _is_time_to_stop(self) -> bool:
        if self._stop_at_seconds is None:
            first = signal.Signals(self._stop_signals[0])
            log.info("service_stopping", signal=first.name)
            self._settings.draining_path.touch()
            notice_seconds = 0.0 if first == signal.SIGINT else self._settings.notice_seconds
            self._stop_at_seconds = time.monotonic() + notice_seconds
        return len(self._stop_signals) > 1 or time.monotonic() >= self._stop_at_seconds

    def _drain(self) -> int:
        """HTTP finishes what it has accepted; meanwhile engines are looked after as ever: it needs one."""
        self._stop_at_seconds = None
        limit_seconds = time.monotonic() + self._settings.drain_seconds + HTTP_STOP_GRACE_SECONDS
        self._http.terminate()
        while self._http.poll() is None and time.monotonic() < limit_seconds:
            for engine in self._engines:
                engine.look()
            self._wait(limit_seconds)
        status = stop(self._http, 0.0)
        return 0 if status in (0, -signal.SIGTERM) else 1

    def _wait(self, until_seconds: float | None = None) -> None:
        """Until something happens or is due."""
        due = [engine.due_seconds for engine in self._engines] + [self._stop_at_seconds, until_seconds]
        now = time.monotonic()
        seconds = min([IDLE_SECONDS, *(max(0.0, at - now) for at in due if at is not None)])
        poller = select.poll()
        poller.register(self._wake_read.fileno(), select.POLLIN)
        for engine in self._engines:
            for descriptor in engine.descriptors:
                poller.register(descriptor, select.POLLIN)
        # Rounded up: woken before anything is due, it would turn in circles until it is.
        happened = dict(poller.poll(int(seconds * 1000) + 1))
        if self._wake_read.fileno() in happened:
            self._wake_read.recv(4096)
