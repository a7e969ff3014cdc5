"""Transparency and depth."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from service.images.flatten import over_white, to_eight_bits
from tests.unit.images.drawings import draw

SHAPE = 255 - draw(9, 40)  # an alpha: opaque where the pen was


def rgba(colour: Any, alpha: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return np.dstack([np.broadcast_to(np.asarray(colour, np.uint8), (*alpha.shape, 3)), alpha])


@given(arrays(np.uint8, (5, 4, 4)))
def test_over_white_is_the_formula_wherever_the_colours_differ(picture: npt.NDArray[np.uint8]) -> None:
    picture[0, :2] = [[255, 0, 0, 255], [0, 0, 255, 255]]  # two colours are seen
    picture[1, 0, 3] = 0  # and alpha is not level
    weight = picture[..., 3:] / 255
    exact = weight * picture[..., :3] + (1 - weight) * 255
    assert np.abs(over_white(picture) - exact).max() <= 0.5


@pytest.mark.parametrize("level", [255, 128, 1, 0])
def test_alpha_that_is_the_same_all_over_has_no_say(level: int) -> None:
    colour = np.dstack([SHAPE, SHAPE, 255 - SHAPE])
    assert np.array_equal(over_white(rgba(colour, np.full(SHAPE.shape, level, np.uint8))), colour)


@pytest.mark.parametrize("pen", [(0, 0, 0), (255, 255, 255), (250, 200, 30)])
def test_one_pen_on_nothing_is_its_alpha(pen: tuple[int, int, int]) -> None:
    assert np.array_equal(over_white(rgba(pen, SHAPE)), 255 - SHAPE)


def test_what_lies_hidden_under_transparency_does_not_make_two_colours() -> None:
    colour = np.where(SHAPE[..., None] < 128, np.uint8(7), np.uint8(255))
    assert np.array_equal(over_white(rgba(colour, SHAPE)), 255 - SHAPE)


def test_a_pen_s_colour_may_waver_as_premultiplication_leaves_it() -> None:
    straight = np.full(SHAPE.shape, 200.0)
    stored = np.rint(straight * SHAPE / 255)  # as a canvas keeps it
    back = np.where(SHAPE > 0, np.rint(stored * 255 / np.maximum(SHAPE, 1)), 0).astype(np.uint8)
    assert np.array_equal(over_white(rgba(back[..., None], SHAPE)), 255 - SHAPE)


def test_two_pens_are_laid_over_white() -> None:
    colour = np.zeros((*SHAPE.shape, 3), np.uint8)
    colour[:20] = (220, 0, 0)
    flat = over_white(rgba(colour, SHAPE))
    assert flat.shape == (40, 40, 3)
    assert (flat[SHAPE == 0] == 255).all()
    assert np.array_equal(flat[SHAPE == 255], colour[SHAPE == 255])


def test_eight_bits_stay() -> None:
    assert to_eight_bits(SHAPE) is SHAPE


def test_sixteen_bits_are_divided_by_257_and_rounded() -> None:
    every = np.arange(65536, dtype=np.uint16)[None]
    assert np.array_equal(to_eight_bits(every), np.rint(every / 257))


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.int32, np.float32, np.float64])
def test_other_ranges_are_stretched(dtype: type) -> None:
    values: npt.NDArray[Any] = np.array([[10, 20, 60]], dtype)
    assert to_eight_bits(values).tolist() == [[0, 51, 255]]


@pytest.mark.parametrize("value", [0, 5, -3])
def test_a_level_picture_is_black(value: int) -> None:
    assert to_eight_bits(np.full((2, 2), value, np.int32)).tolist() == [[0, 0], [0, 0]]


def test_what_is_not_a_number_counts_as_the_smallest() -> None:
    values = np.array([[np.nan, 1.0, 2.0, np.inf, -np.inf]], np.float32)
    assert to_eight_bits(values).tolist() == [[0, 0, 255, 0, 0]]
    assert to_eight_bits(np.full((1, 2), np.nan)).tolist() == [[0, 0]]


@given(arrays(np.float64, (2, 3), elements=st.floats(allow_nan=True, allow_infinity=True)))
def test_no_float_is_too_large_or_too_small(values: npt.NDArray[np.float64]) -> None:
    scaled = to_eight_bits(values)
    assert scaled.dtype == np.uint8
    assert scaled.shape == (2, 3)
