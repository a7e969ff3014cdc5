"""How a large batch is shared among threads."""

from __future__ import annotations

import pytest

from service.engine.parts import LARGEST, SMALLEST, parts


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@pytest.mark.parametrize("pictures", [1, 64, 127, 128, 129, 160, 256, 1000])
def test_nothing_is_lost_and_no_part_grows(pictures: int, threads: int) -> None:
    sizes = parts(pictures, threads)
    assert sum(sizes) == pictures
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize(("pictures", "threads"), [(127, 8), (4096, 1)])
def test_what_is_small_and_what_has_one_thread_stays_whole(pictures: int, threads: int) -> None:
    assert parts(pictures, threads) == [pictures]


@pytest.mark.parametrize(("threads", "pictures"), [(2, 128), (2, 256), (3, 192), (4, 256), (8, 1024)])
def test_the_last_are_the_smallest(threads: int, pictures: int) -> None:
    sizes = parts(pictures, threads)
    assert sizes[-1] == SMALLEST
    assert max(sizes) <= LARGEST
    assert all(size % SMALLEST == 0 for size in sizes)
    assert len(sizes) >= 2 * threads
