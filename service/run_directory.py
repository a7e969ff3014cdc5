"""The directory in which the processes of one service meet: the engine's socket, the metrics, a lock."""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path
from typing import TextIO

from service.settings import Settings

LEFT_BEHIND = ("engine-*.sock", "unloaded-*.json", "draining")
"""What the processes of a service leave in it; none of it may reach the next service."""


class RunDirectoryTakenError(Exception):
    """It is not for us; the message says why and what to do."""


class RunDirectory:
    """Held by the supervisor for as long as its service runs."""

    def __init__(self, path: Path, metrics_path: Path, lock: TextIO) -> None:
        self.path = path
        self._metrics_path = metrics_path
        self._lock = lock

    @classmethod
    def take(cls, settings: Settings) -> RunDirectory:
        """Make it, lock it, and clear what an earlier service left.

        :raise RunDirectoryTakenError: a running service holds it, it is another user's, or it cannot be made.
        """
        path = settings.run_path
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise RunDirectoryTakenError(
                f"{path} cannot be made: {error.strerror}; name another one in DIGITS_RUN_DIR"
            ) from None
        if path.stat().st_uid != os.getuid():
            raise RunDirectoryTakenError(f"{path} belongs to another user; name another one in DIGITS_RUN_DIR")
        lock = (path / "lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise RunDirectoryTakenError(
                f"a service with run directory {path} is running; choose another DIGITS_PORT or DIGITS_RUN_DIR"
            ) from None
        shutil.rmtree(settings.metrics_path, ignore_errors=True)
        settings.metrics_path.mkdir()
        directory = cls(path, settings.metrics_path, lock)
        directory._clear(LEFT_BEHIND)
        return directory

    def release(self) -> None:
        """Remove what the service made, and the directory too unless there is something else in it."""
        shutil.rmtree(self._metrics_path, ignore_errors=True)
        self._clear((*LEFT_BEHIND, "lock"))
        if not any(self.path.iterdir()):
            self.path.rmdir()
        self._lock.close()

    def _clear(self, patterns: tuple[str, ...]) -> None:
        for pattern in patterns:
            for path in self.path.glob(pattern):
                path.unlink(missing_ok=True)
