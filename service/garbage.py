"""Python's cycle collector, kept from stalling requests."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

_pausing = Lock()
_pauses = 0


def settle() -> None:
    """Collect once, and leave what is alive now out of every later collection.

    A full collection walks all objects and stops everything meanwhile, for 50 ms in a worker. What is imported at the
    start stays for good, so walking it is idle. (The engine, whose models come and go, has `engine.memory` for this.)
    """
    gc.collect()
    gc.freeze()


@contextmanager
def paused() -> Iterator[None]:
    """No collections meanwhile, in any thread.

    A document of a million small lists makes the collector walk them over and over while they are made, three times as
    long as making them takes; they form no cycles and go as they came.
    """
    global _pauses  # noqa: PLW0603  (so is what it guards: one collector for all threads)
    with _pausing:
        if not _pauses:
            gc.disable()
        _pauses += 1
    try:
        yield
    finally:
        with _pausing:
            _pauses -= 1
            if not _pauses:
                gc.enable()
