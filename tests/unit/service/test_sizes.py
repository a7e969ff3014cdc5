from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.engine.sizes import ladder, round_up


@pytest.mark.parametrize(
    ("largest", "steps", "sizes"),
    [
        (1, 1, [1]),
        (1, 4, [1]),
        (2, 1, [1, 2]),
        (256, 1, [1, 2, 4, 8, 16, 32, 64, 128, 256]),
        (16, 4, [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16]),
        (100, 1, [1, 2, 4, 8, 16, 32, 64, 100]),
        (9, 4, [1, 2, 3, 4, 5, 6, 7, 8, 9]),
    ],
)
def test_the_ladder(largest: int, steps: int, sizes: list[int]) -> None:
    assert ladder(largest, steps) == sizes


@given(st.integers(1, 2048), st.sampled_from([1, 2, 4]))
def test_it_rises_from_one_to_the_largest(largest: int, steps: int) -> None:
    sizes = ladder(largest, steps)
    assert sizes == sorted(set(sizes))
    assert (sizes[0], sizes[-1]) == (1, largest)


@given(st.data(), st.integers(1, 2048), st.sampled_from([(1, 0.5), (4, 0.2)]))
def test_padding_is_what_the_docstring_says(data: st.DataObject, largest: int, promise: tuple[int, float]) -> None:
    steps, wasted = promise
    sizes = ladder(largest, steps)
    pictures = data.draw(st.integers(1, largest))
    size = round_up(pictures, sizes)
    assert size in sizes
    assert size >= pictures
    assert not [s for s in sizes if pictures <= s < size]
    assert (size - pictures) / size < wasted
