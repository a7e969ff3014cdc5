"""Batch sizes that are run: a batch is padded to the next of them, and each is warmed at load."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence


class BatchSizesError(Exception):
    """The sizes asked for do not fit; the message names the setting."""


def chosen(batch_sizes: str, max_batch_size: int) -> list[int] | None:
    """The sizes of a setting like `"1,8,64"`, ascending, completed by `max_batch_size`; None for `"auto"`.

    :raise BatchSizesError: one is above `max_batch_size`.
    """
    if batch_sizes == "auto":
        return None
    sizes = {int(size) for size in batch_sizes.split(",")}
    if max(sizes) > max_batch_size:
        raise BatchSizesError(
            f"DIGITS_BATCH_SIZES: {max(sizes)} is above DIGITS_MAX_BATCH_SIZE ({max_batch_size}) (got {batch_sizes!r})"
        )
    return sorted(sizes | {max_batch_size})


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


def round_up(pictures: int, sizes: Sequence[int]) -> int:
    """The smallest of `sizes` (ascending) that holds `pictures`; they never exceed the largest."""
    return sizes[bisect_left(sizes, pictures)]
