"""The engine's second thread: it watches the models directory, loads, and closes what has left.

The loop never waits for it: news and orders travel through queues.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Literal, Protocol

from service import logs
from service.engine import memory, news
from service.engine.keeper import Keeper

log = logs.get(__name__)

SWITCH_INTERVAL_SECONDS = 0.0005
"""How soon the loop gets the interpreter back from a load, several times a request; Python's own is 5 ms."""


class Version(Protocol):
    """What is in service, as far as this thread sees to it."""

    def open(self) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class _Order:
    peer: bytes
    id: int
    action: Literal["load", "unload"]
    model: str


@dataclass(frozen=True, slots=True)
class _Open:
    loaded: Version


@dataclass(frozen=True, slots=True)
class _Close:
    loaded: Version


@dataclass(frozen=True, slots=True)
class _LookAgain:
    pass


class Watcher:
    """All methods return at once, and may be called from the loop or a signal handler."""

    def __init__(
        self,
        keeper: Keeper[Any],
        poll_seconds: float,
        tell: Callable[[news.Obeyed | news.Opened[Any]], None],
        measure: Callable[[], None],
    ) -> None:
        """`measure` is called after each look, from the second thread."""
        self._measure = measure
        self._keeper = keeper
        self._poll_seconds = poll_seconds
        self._tell = tell
        self._todo: SimpleQueue[_Order | _Open | _Close | _LookAgain] = SimpleQueue()
        # It dies with the process: what it is doing then is of use to nobody.
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)

    def start(self) -> None:
        """Look for the first time, and then every `poll_seconds`."""
        sys.setswitchinterval(SWITCH_INTERVAL_SECONDS)
        self._thread.start()

    def look_again(self) -> None:
        """Look now, at what has been refused too."""
        self._todo.put(_LookAgain())

    def obey(self, peer: bytes, ident: int, action: Literal["load", "unload"], model: str) -> None:
        """Load or unload `model`, then tell so."""
        self._todo.put(_Order(peer, ident, action, model))

    def open(self, loaded: Version) -> None:
        """Bring in what else can be called of a version, then tell so."""
        self._todo.put(_Open(loaded))

    def close(self, loaded: Version) -> None:
        """Close what nobody uses any more. The caller keeps no reference to it, or its memory stays."""
        self._todo.put(_Close(loaded))

    def _run(self) -> None:
        next_look_seconds = time.monotonic()
        while True:
            try:
                next_look_seconds = self._turn(next_look_seconds)
            except Exception:  # the watching outlives whatever goes wrong in one turn of it
                log.exception("watch_failed")
                next_look_seconds = time.monotonic() + self._poll_seconds

    def _turn(self, next_look_seconds: float) -> float:
        """Do one thing and return when to look next."""
        try:
            todo = self._todo.get(timeout=max(0.0, next_look_seconds - time.monotonic()))
        except Empty:
            self._keeper.look()
            self._measure()
            return time.monotonic() + self._poll_seconds
        if isinstance(todo, _Open):
            self._tell(news.Opened(todo.loaded, self._open(todo.loaded)))
        elif isinstance(todo, _Close):
            todo.loaded.close()
            del todo
            memory.give_back()
        elif isinstance(todo, _LookAgain):
            self._keeper.look_again()
        else:
            order = self._keeper.load if todo.action == "load" else self._keeper.unload
            try:
                error, reason = order(todo.model)
            except Exception:  # who asked is told, whatever happened
                log.exception("order_failed", action=todo.action, model=todo.model)
                error, reason = f"{todo.action} failed", "internal_error"
            self._tell(news.Obeyed(todo.peer, todo.id, error, reason))
        return next_look_seconds

    def _open(self, loaded: Version) -> str:
        """Why it failed; `""` if it did not."""
        try:
            loaded.open()
        except Exception:  # those who wait for it are told, whatever happened
            log.exception("open_failed")
            return "what looks inside this version cannot be loaded"
        return ""
