from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.engine.sizes import BatchSizesError, chosen, ladder, round_up


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


@pytest.mark.parametrize(
    ("setting", "largest", "sizes"),
    [
        ("auto", 256, None),
        ("1,8,64,256", 256, [1, 8, 64, 256]),
        ("64,1,8", 256, [1, 8, 64, 256]),
        ("4,4", 4, [4]),
    ],
)
def test_sizes_of_ones_own_choice_are_completed_by_the_largest(
    setting: str, largest: int, sizes: list[int] | None
) -> None:
    assert chosen(setting, largest) == sizes


def test_a_size_above_the_largest_is_refused_by_the_name_of_the_setting() -> None:
    with pytest.raises(BatchSizesError, match=r"^DIGITS_BATCH_SIZES: 512 is above DIGITS_MAX_BATCH_SIZE \(256\)"):
        chosen("1,512", 256)
