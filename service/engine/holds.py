"""The models that are kept out of service by request, remembered for the engine that replaces this one."""

from __future__ import annotations

import json
from pathlib import Path

from service import logs

log = logs.get(__name__)


class Holds:
    """A set of names in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._models: set[str] = set()
        try:
            self._models = set(json.loads(path.read_bytes()))
        except FileNotFoundError:
            pass
        except (OSError, ValueError, TypeError) as error:
            log.error("holds_unreadable", file=str(path), reason=str(error))

    def __contains__(self, model: str) -> bool:
        return model in self._models

    def add(self, model: str) -> None:
        """Hold `model` out."""
        self._models.add(model)
        self._write()

    def remove(self, model: str) -> None:
        """Let `model` in again."""
        self._models.discard(model)
        self._write()

    def _write(self) -> None:
        written = self._path.with_suffix(".tmp")
        try:
            written.write_text(json.dumps(sorted(self._models)))
            written.replace(self._path)
        except OSError as error:  # it holds for this process all the same
            log.error("holds_unwritable", file=str(self._path), reason=str(error))
