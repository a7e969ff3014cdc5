"""Stretched and over-bold digits."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from service.images.ink import cropped
from service.images.strokes import rounded, stroke_width, thinned, unstretched
from tests.unit.images.drawings import DIGITS, draw


def ink_of(digit: int, side: int, pen: float) -> npt.NDArray[np.uint8]:
    return cropped(draw(digit, side, pen=pen, ink=255, paper=0))


@pytest.mark.parametrize("width", [3, 8, 20, 41])
def test_the_width_of_a_bar(width: int) -> None:
    assert stroke_width(np.full((120, width), 255, np.uint8)) == pytest.approx(width, abs=0.15 * width + 1)


def test_nothing_has_no_width() -> None:
    assert stroke_width(np.zeros((5, 5), np.uint8)) == 0


@pytest.mark.parametrize("digit", DIGITS)
@pytest.mark.parametrize("pen", [0.04, 0.1, 0.16])
@pytest.mark.parametrize("side", [28, 240])
def test_strokes_that_are_not_too_bold_stay(digit: int, pen: float, side: int) -> None:
    ink = ink_of(digit, side, pen)
    assert thinned(ink) is ink


@pytest.mark.parametrize("digit", DIGITS)
@pytest.mark.parametrize("side", [40, 240])
def test_bold_strokes_are_narrowed_to_a_fifth(digit: int, side: int) -> None:
    ink = ink_of(digit, side, 0.34)
    narrow = thinned(ink)
    assert stroke_width(ink) > 0.25 * max(ink.shape)
    assert stroke_width(narrow) / max(narrow.shape) < 0.9 * stroke_width(ink) / max(ink.shape)


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (1, 20), (20, 1), (20, 20), (200, 200)])
def test_what_is_all_ink_stays_ink(shape: tuple[int, int]) -> None:
    narrow = thinned(np.full(shape, 255, np.uint8))
    assert narrow.size
    assert narrow.max() == 255


def test_rounding_keeps_the_proportions_and_cuts_the_corners() -> None:
    block = np.full((10, 20), 255, np.uint8)
    large = rounded(block)
    assert large.shape == pytest.approx((80, 160), abs=4)
    assert large[40, 80] == 255
    assert large[0, 0] < 128


def test_a_digit_that_fills_a_small_square_is_made_slim() -> None:
    filled = np.zeros((16, 16), np.uint8)
    filled[0] = filled[-1] = 255
    filled[:, 7:9] = 255
    slim = unstretched(filled)
    assert slim.shape == (128, 90)
    assert cropped(slim).shape == (128, 90)


@pytest.mark.parametrize(
    "picture", [draw(2, 16, ink=255, paper=0), np.full((16, 12), 255, np.uint8), np.full((100, 100), 255, np.uint8)]
)
def test_others_keep_their_proportions(picture: npt.NDArray[np.uint8]) -> None:
    assert unstretched(picture) is picture
