"""Heavy work of a worker, few pieces at a time and behind the event loop's back.

A photo of twelve megapixels is 30 ms to a second of decoding. The libraries let go of the interpreter lock meanwhile, so
small requests go on beside it, provided that not every core decodes: hence few threads, and, on Linux, threads that the
event loop goes before. Few at a time also bounds the memory that decoding takes.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")
_NICENESS = 5


class HeavyWork:
    """Threads of a worker for what would hold up its loop."""

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, "heavy", initializer=_stand_back)

    async def do(self, function: Callable[..., Result], *arguments: object) -> Result:
        """`function(*arguments)` in one of the threads, once one is free."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, function, *arguments)

    def wait_for(self, function: Callable[..., Result], *arguments: object) -> Result:
        """The same for a thread that is not the loop's, which it holds up."""
        return self._pool.submit(function, *arguments).result()


def _stand_back() -> None:
    """Lower this thread's priority. On Linux each thread has one of its own; elsewhere it would be the process's."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, max(_NICENESS, os.getpriority(os.PRIO_PROCESS, thread)))
