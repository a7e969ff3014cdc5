"""Waiting for an answer for as long as the caller does."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from service.asgi_types import Receive

SWEEP_SECONDS = 0.05
"""Most answers come sooner. Watching costs a task, so only who has waited for one whole sweep is watched."""


class CallerGoneError(Exception):
    """The caller hung up before its answer was there."""


class Patience:
    """One per event loop, in which all its methods are called."""

    def __init__(self) -> None:
        self._new: dict[asyncio.Task[Any], Receive] = {}
        self._waiting: dict[asyncio.Task[Any], Receive] = {}
        """Since the last sweep at least."""
        self._watching: dict[asyncio.Task[Any], asyncio.Task[None]] = {}
        self._gone: set[asyncio.Task[Any]] = set()
        self._sweep_is_due = False

    async def while_caller_waits(self, asking: Coroutine[Any, Any, None], receive: Receive) -> None:
        """Await `asking`; cancel it if the caller hangs up meanwhile. `receive` is ASGI's, the body all taken from it.

        :raise CallerGoneError: it was cancelled for that.
        """
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        if task is None:
            raise RuntimeError("only a task can be told that its caller is gone")
        self._new[task] = receive
        if not self._sweep_is_due:
            self._sweep_is_due = True
            loop.call_later(SWEEP_SECONDS, self._sweep, loop)
        try:
            await asking
        except asyncio.CancelledError:
            if task not in self._gone:
                raise
            task.uncancel()  # it goes on, to say that the caller is gone
            raise CallerGoneError from None
        finally:
            if self._new.pop(task, None) is None:
                self._forget(task)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._waiting.pop(task, None)
        self._gone.discard(task)
        watching = self._watching.pop(task, None)
        if watching is not None:
            watching.cancel()

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        for task, receive in self._waiting.items():
            self._watching[task] = loop.create_task(self._watch(task, receive))
        self._waiting, self._new = self._new, {}
        self._sweep_is_due = bool(self._waiting)
        if self._sweep_is_due:
            loop.call_later(SWEEP_SECONDS, self._sweep, loop)

    async def _watch(self, task: asyncio.Task[Any], receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._gone.add(task)
        task.cancel()
