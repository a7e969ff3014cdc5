"""Windows that fit and those that do not; what an error advises is tried."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from architectures import ArchitectureError
from architectures.windows import Window, window_counts

ADVICE = {"an input side of": None, "a stride of": "stride", "a kernel of": "size", "a padding of": "padding"}


def positions(side: int, window: Window) -> int:
    """Counted by walking, for a padding in pixels."""
    assert isinstance(window.padding, int)
    return len(range(-window.padding, side + window.padding - window.size + 1, window.stride))


@given(st.integers(1, 40), st.integers(1, 9), st.integers(1, 9), st.integers(0, 5))
def test_as_many_as_a_walk_meets(side: int, size: int, stride: int, padding: int) -> None:
    window = Window(size, stride, padding)
    assume(positions(side, window) > 0)
    counted = window_counts("conv1", "kernel", window, (side, side), allow_floor=True)
    assert counted == (positions(side, window),) * 2


@given(st.integers(5, 60), st.integers(5, 60), st.integers(1, 9), st.integers(2, 9), st.integers(0, 3))
def test_what_is_advised_fits(height: int, width: int, size: int, stride: int, padding: int) -> None:
    window = Window(size, stride, padding)
    assume(not (window.fits(height) and window.fits(width)))
    assume(min(window.span(height), window.span(width)) >= 0)
    with pytest.raises(ArchitectureError, match="conv1: .* exactly: .*--allow-floor") as caught:
        window_counts("conv1", "kernel", window, (height, width), allow_floor=False)
    advised = re.findall(r"(an? [a-z ]+ of) (\d+)(?: or (\d+))?[,;]", str(caught.value).partition("What fits: ")[2])
    assert {"an input side of", "a stride of"} <= {what for what, _, _ in advised}
    for what, *values in advised:
        for value in filter(None, values):
            field = ADVICE[what]
            if field is None:
                assert window.fits(int(value))
            else:
                changed = replace(window, **{field: int(value)})
                assert changed.fits(height)
                assert changed.fits(width)


def test_the_words() -> None:
    with pytest.raises(ArchitectureError) as caught:
        window_counts("conv2", "kernel", Window(3, 2, "valid"), (28, 28), allow_floor=False)
    assert str(caught.value) == (
        "conv2: a kernel of 3 with stride 2 and padding 0 does not fit 28 × 28 exactly: (28 + 2·0 - 3) / 2 = 12.5 is no"
        " whole number. What fits: an input side of 27 or 29, a stride of 1 or 5, a kernel of 2 or 4; or leave the rest"
        " of the picture out with --allow-floor"
    )
    assert window_counts("conv2", "kernel", Window(3, 2, "valid"), (28, 28), allow_floor=True) == (13, 13)
    assert window_counts("conv2", "kernel", Window(3, 2, "same"), (28, 27), allow_floor=False) == (14, 14)


def test_the_padding_that_fits_is_named() -> None:
    with pytest.raises(ArchitectureError, match="a padding of 1[,;]"):
        window_counts("conv1", "kernel", Window(4, 3, 0), (8, 8), allow_floor=False)


def test_no_floor_makes_room_where_there_is_none() -> None:
    with pytest.raises(ArchitectureError, match="pool1: a pool of 9 does not fit into 8 × 20; at most 8 does"):
        window_counts("pool1", "pool", Window(9, 1, "valid"), (8, 20), allow_floor=True)
    with pytest.raises(ArchitectureError, match="does not fit into 8 × 20 with a padding of 2; at most 12 does"):
        window_counts("conv1", "kernel", Window(13, 1, 2), (8, 20), allow_floor=True)


def test_of_two_sides_the_one_that_does_not_fit_is_meant() -> None:
    with pytest.raises(ArchitectureError, match="an input side of 9 or 11"):
        window_counts("conv1", "kernel", Window(3, 2, "valid"), (10, 21), allow_floor=False)


def test_even_a_huge_picture_is_answered() -> None:
    """The search for what fits is bounded."""
    with pytest.raises(ArchitectureError, match="exactly"):
        window_counts("conv1", "kernel", Window(2, 999_979, 0), (1_000_000, 999_999), allow_floor=False)
