"""Waiting for an answer for as long as the caller does."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from service.asgi_types import Receive

WATCH_AFTER_SECONDS = 0.05
"""Most answers come sooner; watching costs a task, so only those who wait longer are watched."""


class CallerGoneError(Exception):
    """The caller hung up before its answer was there."""


async def while_caller_waits(asking: Coroutine[Any, Any, None], receive: Receive) -> None:
    """Await `asking`; cancel it if the caller hangs up meanwhile. `receive` is ASGI's, the body all taken from it.

    :raise CallerGoneError: it was cancelled for that.
    """
    watch = _Watch(receive)
    try:
        await asking
    except asyncio.CancelledError:
        if watch.caller_is_gone:
            watch.forget()
            raise CallerGoneError from None
        raise
    finally:
        watch.end()


class _Watch:
    """Cancels the task that made it once the caller is gone."""

    def __init__(self, receive: Receive) -> None:
        waiting = asyncio.current_task()
        if waiting is None:
            raise RuntimeError("only a task can be told that its caller is gone")
        self._receive = receive
        self._waiting = waiting
        self._watching: asyncio.Task[None] | None = None
        self.caller_is_gone = False
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(WATCH_AFTER_SECONDS, self._begin)

    def end(self) -> None:
        self._timer.cancel()
        if self._watching is not None:
            self._watching.cancel()

    def forget(self) -> None:
        """Take the cancelling back: the task goes on, to say that the caller is gone."""
        self._waiting.uncancel()

    def _begin(self) -> None:
        self._watching = self._loop.create_task(self._look())

    async def _look(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.caller_is_gone = True
        self._waiting.cancel()
