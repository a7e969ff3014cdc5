"""Python's cycle collector, kept from stalling requests."""

from __future__ import annotations

import gc


def settle() -> None:
    """Collect once, and leave what is alive now out of every later collection.

    A full collection walks all objects and stops everything meanwhile: 50 ms in a worker, 150 to 300 in an engine, with
    TensorFlow's quarter of a million. What is imported and loaded at the start stays for good, so walking it is idle.
    """
    gc.collect()
    gc.freeze()
