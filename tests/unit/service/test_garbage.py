"""What is alive when a process has settled is walked by no later collection."""

from __future__ import annotations

import contextlib
import gc

from service import garbage


class Node:
    """Holds itself, so that only the cycle collector can free it."""

    def __init__(self) -> None:
        self.itself = self


def test_what_is_alive_is_frozen_and_what_was_garbage_is_gone() -> None:
    alive = Node()
    Node()
    try:
        garbage.settle()
        assert gc.get_freeze_count() > 0
        tracked = gc.get_objects()
        assert not any(item is alive for item in tracked)
        assert not any(isinstance(item, Node) for item in tracked)
    finally:
        gc.unfreeze()
    assert sum(isinstance(item, Node) for item in gc.get_objects()) == 1


def test_nothing_is_collected_while_paused_and_everything_after() -> None:
    with garbage.paused():
        assert not gc.isenabled()
        with garbage.paused():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def test_a_pause_ends_with_an_error_too() -> None:
    with contextlib.suppress(ZeroDivisionError), garbage.paused():
        _ = 1 / 0

    assert gc.isenabled()
