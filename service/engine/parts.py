"""How a large batch is shared among threads."""

from __future__ import annotations

LARGEST, SMALLEST = 64, 16
"""Pictures of a part. Larger ones cost no less per picture, smaller ones more."""


def parts(pictures: int, threads: int) -> list[int]:
    """Sizes of the parts that threads take one after another, in this order; one part below `2 * LARGEST` pictures.

    Each is the share of what is left that falls to one thread, in whole steps of `SMALLEST` (guided self-scheduling:
    Polychronopoulos and Kuck, IEEE Transactions on Computers C-36, 1987). So one that loses its core for a while takes
    fewer, and at the end nobody waits long for the last.

    >>> parts(256, 2)
    [64, 64, 64, 32, 16, 16]
    """
    if threads < 2 or pictures < 2 * LARGEST:
        return [pictures]
    sizes = []
    left = pictures
    while left:
        share = -(-left // threads)
        size = min(left, LARGEST, -(-share // SMALLEST) * SMALLEST)
        sizes.append(size)
        left -= size
    return sizes
