"""What is alive when a process has settled is walked by no later collection."""

from __future__ import annotations

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
