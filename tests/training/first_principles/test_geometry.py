"""How many places a window stops at, what does not fit, and what would."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.errors import ConfigurationError
from training.first_principles.geometry import Padding, slides


@pytest.mark.parametrize(
    ("sides", "window", "stride", "padding", "places"),
    [
        ((28, 28), (3, 3), 1, 0, (26, 26)),
        ((28, 28), (5, 5), 1, 2, (28, 28)),
        ((28, 20), (4, 2), 2, "valid", (13, 10)),
        ((28, 28), (3, 3), 2, "same", (14, 14)),
        ((7, 7), (1, 1), 3, "same", (3, 3)),
        ((3, 3), (3, 3), 7, 0, (1, 1)),
    ],
)
def test_places_by_hand(sides: Any, window: Any, stride: int, padding: Padding, places: tuple[int, int]) -> None:
    down, across = slides(sides, window, stride, padding)
    assert (down.places, across.places) == places


def test_an_odd_zero_of_same_is_at_the_end() -> None:
    down, _ = slides((28, 28), (3, 3), 2, "same")
    assert (down.before, down.after) == (0, 1)


@pytest.mark.parametrize(
    ("sides", "window", "stride", "padding", "nearest"),
    [
        ((28, 28), (3, 3), 2, 0, "kernel 2 or 4, stride 1 or 5."),
        ((28, 28), (4, 4), 5, 0, "kernel 3 or 8, stride 4 or 6, padding 3."),
        ((6, 6), (3, 3), 2, 1, "kernel 2 or 4, stride 1 or 5."),
        ((3, 3), (5, 5), 1, 0, "kernel 3, padding 1."),
        ((9, 6), (3, 3), 2, 0, "stride 1 or 3."),
        ((8, 9), (3, 2), 2, 0, "kernel 2×1 or 4×3, stride 1."),
    ],
)
def test_what_does_not_fit_exactly_names_the_nearest_that_do(
    sides: Any, window: Any, stride: int, padding: int, nearest: str
) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(f"The nearest that fit: {nearest}")) as raised:
        slides(sides, window, stride, padding)
    assert f"stride {stride} and padding {padding} do not fit a picture of {sides[0]}×{sides[1]} exactly" in str(
        raised.value
    )


@given(st.integers(1, 40), st.integers(1, 12), st.integers(1, 6), st.integers(0, 4))
def test_the_nearest_do_fit(side: int, window: int, stride: int, padding: int) -> None:
    """It either fits, and then its last place ends with the picture, or each value that the message names fits."""
    try:
        down, _ = slides((side, side), (window, window), stride, padding)
    except ConfigurationError as error:
        assert (side + 2 * padding - window) % stride != 0 or window > side + 2 * padding
        named = re.findall(r"(kernel|stride|padding) (\d+)(?: or (\d+))?", str(error).split("nearest that fit: ")[1])
        assert named
        for name, *values in named:
            for value in filter(None, values):
                changed = {"kernel": window, "stride": stride, "padding": padding} | {name: int(value)}
                slides((side, side), (changed["kernel"],) * 2, changed["stride"], changed["padding"])
    else:
        assert (down.places - 1) * stride + window == side + 2 * padding


@pytest.mark.parametrize(
    ("window", "stride", "padding", "fault"),
    [
        ((0, 0), 1, 0, "kernel must be at least 1 pixel a side, not 0"),
        ((3, 3), 0, 0, "stride must be at least 1, not 0"),
        ((3, 3), 1, -1, "padding must be a whole number from 0, 'same' or 'valid', not -1"),
        ((3, 3), 1, "full", "padding must be .* not 'full'"),
        ((3, 3), 1, 0.5, "padding must be .* not 0.5"),
    ],
)
def test_what_makes_no_sense_is_named(window: Any, stride: int, padding: Any, fault: str) -> None:
    with pytest.raises(ConfigurationError, match=fault):
        slides((28, 28), window, stride, padding)


def test_a_pool_has_a_size_and_no_padding_to_change() -> None:
    with pytest.raises(
        ConfigurationError, match=r"^size 4, stride 5 .* nearest that fit: size 3 or 8, stride 4 or 6\.$"
    ):
        slides((28, 28), (4, 4), 5, what="size")


def test_where_nothing_near_fits_it_says_so() -> None:
    with pytest.raises(ConfigurationError, match="The nearest that fit: none"):
        slides((9, 1), (5, 6), 1, what="size")
