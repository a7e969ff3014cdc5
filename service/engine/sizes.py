"""Batch sizes that are run: a batch is padded to the next of them, and each is warmed at load."""

from __future__ import annotations

from bisect import bisect_left


def ladder(max_batch_size: int, steps_per_doubling: int) -> list[int]:
    """Sizes from 1 to `max_batch_size`, `steps_per_doubling` of them between one power of two and the next.

    One step wastes up to half a batch in padding, four at most a fifth; each size costs a warm-up. On a CPU padding
    is paid in full and a warm-up costs milliseconds, so four; on a GPU it is the other way round, so one.

    >>> ladder(16, 4)
    [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16]
    """
    sizes = {max_batch_size}
    power = 1
    while power < max_batch_size:
        step = max(1, power // steps_per_doubling)
        sizes.update(range(power, min(2 * power, max_batch_size), step))
        power *= 2
    return sorted(sizes)


def round_up(pictures: int, sizes: list[int]) -> int:
    """The smallest of `sizes` (ascending) that holds `pictures`; they never exceed the largest."""
    return sizes[bisect_left(sizes, pictures)]
