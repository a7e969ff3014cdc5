"""One engine process: started, watched, ended when it hangs, and started again.

it dies             a new one after a pause that doubles with each death in a row
it falls silent     it is killed, and has died: silent for `engine_timeout_seconds`, or without a word since its start
                    `engine_start_seconds` ago
it cannot start     it stays down: a wrong setting is not mended by trying again
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

from service import logs, metrics
from service.children import spawn, stop
from service.engine_pulse import Pulse
from service.engine_stderr import EngineStderr
from service.settings import Settings, logging_to

log = logs.get(__name__)

LIVED_WELL_SECONDS = 60.0
"""An engine that lived so long starts the back-off anew."""
CANNOT_START = 2
"""The exit status of a process that no restart would help: a setting is wrong, a device or port is not to be had."""
OUT_OF_MEMORY = 3
"""The exit status of an engine whose device has no memory left that it could get."""
COMMAND = (sys.executable, "-m", "service.engine")


class EngineProcess:
    """Its methods belong to the main thread. `clock` gives seconds; tests put one in that they turn themselves."""

    def __init__(
        self,
        settings: Settings,
        index: int,
        command: Sequence[str] = COMMAND,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.cannot_start = False
        """It has said so itself, and is not started again."""
        self._settings = settings
        self._index = index
        self._command = command
        self._clock = clock
        self._process: subprocess.Popen[bytes] | None = None
        self._pulse: Pulse | None = None
        self._stderr: EngineStderr | None = None
        self._started_seconds = 0.0
        self._restart_at_seconds = 0.0
        self._deaths_in_a_row = 0

    @property
    def pid(self) -> int | None:
        """None while there is none."""
        return None if self._process is None else self._process.pid

    @property
    def descriptors(self) -> list[int]:
        """Something to read at one of them is a reason to `look`."""
        of = [part.descriptor for part in (self._pulse, self._stderr) if part is not None]
        return [descriptor for descriptor in of if descriptor is not None]

    @property
    def due_seconds(self) -> float | None:
        """When to look again at the latest, by the clock; None: there is nothing more to come."""
        if self.cannot_start:
            return None
        return self._restart_at_seconds if self._pulse is None else self._pulse.due_seconds

    def start(self) -> None:
        """Returns at once; loading takes seconds."""
        settings = self._settings
        self._started_seconds = self._clock()
        self._stderr = EngineStderr(self._index)
        log_descriptor = os.dup(2)
        environment = settings.environment(engine_index=self._index) | logging_to(log_descriptor)
        try:
            self._process = spawn(self._command, environment, [log_descriptor], self._stderr.write_end)
        finally:
            os.close(log_descriptor)
        self._stderr.started()
        self._pulse = Pulse(settings.endpoints[self._index], settings.engine_heartbeat_seconds, self._clock)

    def look(self) -> None:
        """Do what has to be done now: ask, kill, bury, start."""
        if self.cannot_start:
            return
        if self._stderr is not None:
            self._stderr.look()
        if self._process is None or self._pulse is None:
            if self._clock() >= self._restart_at_seconds:
                self.start()
            return
        status = self._process.poll()
        if status is None:
            self._pulse.look()
            self._kill_if_hung(self._process, self._pulse)
        else:
            self._bury(self._process, status)

    def hang_up(self) -> None:
        """Have it look at the models directory now."""
        if self._process is not None:
            self._process.send_signal(signal.SIGHUP)

    def stop(self, within_seconds: float) -> None:
        """SIGTERM, then SIGKILL. Blocks until it has ended."""
        if self._process is not None:
            stop(self._process, within_seconds)
        self._clear()

    def _kill_if_hung(self, process: subprocess.Popen[bytes], pulse: Pulse) -> None:
        if pulse.has_answered:
            silent_seconds, limit_seconds = pulse.silent_seconds, self._settings.engine_timeout_seconds
        else:
            silent_seconds = self._clock() - self._started_seconds
            limit_seconds = self._settings.engine_start_seconds
        if silent_seconds >= limit_seconds:
            log.error("engine_hung", engine=self._index, pid=process.pid, silent_seconds=round(silent_seconds, 1))
            process.kill()
            self._bury(process, process.wait())

    def _bury(self, process: subprocess.Popen[bytes], status: int) -> None:
        metrics.forget_process(process.pid)
        self._clear()  # its last words first
        if status == CANNOT_START:
            self.cannot_start = True
            log.error("engine_cannot_start", engine=self._index)
            return
        metrics.ENGINE_RESTARTS.inc()
        lived_seconds = self._clock() - self._started_seconds
        self._deaths_in_a_row = 1 if lived_seconds >= LIVED_WELL_SECONDS else self._deaths_in_a_row + 1
        pause_seconds = backoff_seconds(
            self._deaths_in_a_row, self._settings.restart_backoff_seconds, self._settings.restart_backoff_limit_seconds
        )
        self._restart_at_seconds = self._clock() + pause_seconds
        log.error(
            "engine_out_of_memory" if status == OUT_OF_MEMORY else "engine_died",
            engine=self._index,
            status=status,
            lived_seconds=round(lived_seconds, 1),
            restart_in_seconds=pause_seconds,
        )

    def _clear(self) -> None:
        if self._pulse is not None:
            self._pulse.close()
        if self._stderr is not None:
            self._stderr.close()
        self._process = self._pulse = self._stderr = None


def backoff_seconds(deaths_in_a_row: int, first_seconds: float, limit_seconds: float) -> float:
    """How long to wait before the next start: `first_seconds`, doubled for every further death."""
    return float(min(limit_seconds, first_seconds * 2 ** (min(deaths_in_a_row, 32) - 1)))
