"""MNIST's canon: what is in it, and bringing ink into it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from service.images.canon import CENTRE_PX, INK_SIDE_PX, SIDE_PX, centred, fitted, is_canonical
from service.images.prepare import prepare
from tests.unit.images.drawings import DIGITS, difference, draw


def canonical(digit: int) -> npt.NDArray[np.uint8]:
    """A digit by the rules, without the code under test: box of 20 pixels, peak 255, mass on pixel 14."""
    ink = 255 - draw(digit, 400, pen=0.12)
    top, bottom = np.flatnonzero(ink.any(axis=1))[[0, -1]]
    left, right = np.flatnonzero(ink.any(axis=0))[[0, -1]]
    ink = ink[top : bottom + 1, left : right + 1]
    size = [max(1, round(20 * side / max(ink.shape))) for side in ink.shape]
    small = np.array(
        [[block.mean() for block in np.array_split(band, size[1], axis=1)] for band in np.array_split(ink, size[0])]
    )
    small = np.rint(small * 255 / small.max())
    y, x = (
        round(CENTRE_PX - float((small.sum(axis=1 - axis) @ np.arange(size[axis])) / small.sum())) for axis in (0, 1)
    )
    picture = np.zeros((28, 28), np.uint8)
    picture[y : y + size[0], x : x + size[1]] = small
    return picture


def centre_of_mass(picture: npt.NDArray[np.uint8]) -> tuple[float, float]:
    mass = picture.sum(dtype=float)
    y, x = np.indices(picture.shape)
    return float((picture * y).sum() / mass), float((picture * x).sum() / mass)


@pytest.mark.parametrize("digit", DIGITS)
def test_a_digit_made_by_the_rules_is_canonical(digit: int) -> None:
    assert is_canonical(canonical(digit))


@pytest.mark.parametrize("digit", DIGITS)
def test_what_breaks_one_rule_is_not(digit: int) -> None:
    picture = canonical(digit)
    assert not is_canonical(255 - picture), "black on white"
    assert not is_canonical(np.roll(picture, 2, axis=0)), "too low"
    assert not is_canonical(np.roll(picture, -2, axis=1)), "too far left"
    assert not is_canonical((picture * 0.99).astype(np.uint8)), "not as bright"
    assert not is_canonical(picture // 2), "half as bright"
    assert not is_canonical(draw(digit, 28, ink=255, paper=0)), "drawn, not prepared"
    assert not is_canonical(draw(digit, 28, ink=255, paper=0, box=(0.1, 0.04, 0.8, 0.92))), "full size"
    noisy = picture.copy()
    noisy[0, 0] = 1
    assert not is_canonical(noisy), "a speck on the paper"


@pytest.mark.parametrize("shape", [(28, 27), (27, 28), (56, 56), (28, 28, 3), (1, 784)])
def test_another_shape_is_not(shape: tuple[int, ...]) -> None:
    assert not is_canonical(np.full(shape, 255, np.uint8))


@pytest.mark.parametrize("level", [0, 1, 128, 255])
def test_a_level_picture_is_not(level: int) -> None:
    assert not is_canonical(np.full((28, 28), level, np.uint8))


def test_a_view_with_strides_is_judged_as_its_pixels_are() -> None:
    wide = np.zeros((28, 56), np.uint8)
    wide[:, ::2] = canonical(3)
    assert is_canonical(wide[:, ::2])


@given(height=st.integers(1, 200), width=st.integers(1, 200))
def test_fitted_ink_is_twenty_pixels_long_and_as_bright_as_can_be(height: int, width: int) -> None:
    small = fitted(np.full((height, width), 40, np.uint8))
    assert max(small.shape) == INK_SIDE_PX
    assert min(small.shape) == max(1, round(INK_SIDE_PX * min(height, width) / max(height, width)))
    assert small.dtype == np.uint8
    assert (small == 255).all()


def test_fitted_takes_the_mean_over_the_area() -> None:
    ink = np.zeros((60, 60), np.uint8)
    ink[::3] = 90  # one row in three
    ink[:3, :3] = 90  # and one block that is full
    small = fitted(ink)
    assert small[0, 0] == 255
    assert np.unique(small).tolist() == [85, 255]


def test_fitted_keeps_the_shades_of_a_faint_stroke() -> None:
    """A line one pixel in 400 leaves peaks of a level or two: rounding comes after the peak is raised."""
    ink = np.zeros((400, 400), np.uint8)
    ink[np.arange(400), np.arange(400) * 37 // 100] = 60
    assert np.unique(fitted(ink)).size > 3


@given(arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20))))
def test_centred_keeps_every_pixel_of_the_ink(ink: npt.NDArray[np.uint8]) -> None:
    picture = centred(ink)
    assert picture.shape == (SIDE_PX, SIDE_PX)
    assert np.array_equal(np.sort(picture[picture > 0]), np.sort(ink[ink > 0]))


@given(arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20)), elements=st.integers(1, 255)))
def test_centred_puts_the_mass_on_pixel_14_or_as_near_as_the_edge_lets_it(ink: npt.NDArray[np.uint8]) -> None:
    picture = centred(ink)
    for axis, centre in enumerate(centre_of_mass(picture)):
        used = np.flatnonzero(picture.any(axis=1 - axis))
        at_the_edge = used[0] == 0 or used[-1] == SIDE_PX - 1
        assert abs(centre - CENTRE_PX) <= 0.5 + 1e-9 or at_the_edge


@pytest.mark.parametrize("digit", DIGITS)
def test_preparation_by_way_of_a_large_drawing_agrees_with_the_rules(digit: int) -> None:
    assert difference(prepare(draw(digit, 400, pen=0.12)), canonical(digit)) < 10
