"""Colour, size, light, polarity."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from service.images.colour import grey
from service.images.light import WORKING_SIDE_PX, reduced, smoothly_lit
from tests.unit.images.drawings import DIGITS, coloured, draw


@pytest.mark.parametrize("shape", [(1, 1), (28, 28), (240, 240), (240, 3), (7, 240, 3)])
def test_a_picture_of_working_size_or_less_is_not_reduced(shape: tuple[int, ...]) -> None:
    picture = np.zeros(shape, np.uint8)
    assert reduced(picture) is picture


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((241, 100), (120, 50)),
        ((480, 480), (240, 240)),
        ((1000, 600), (200, 120)),
        ((3, 5000), (1, 238)),
        ((481, 241, 3), (160, 80, 3)),
    ],
)
def test_reduction_is_by_the_smallest_whole_factor_that_is_enough(
    shape: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    small = reduced(np.full(shape, 9, np.uint8))
    assert small.shape == expected
    assert max(small.shape) <= WORKING_SIDE_PX
    assert (small == 9).all()


def test_reduction_takes_block_means() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (480, 320), np.uint8)
    means = picture.reshape(240, 2, 160, 2).mean(axis=(1, 3))
    assert np.abs(reduced(picture) - means).max() <= 0.5


def test_grey_stays_grey() -> None:
    picture = draw(2, 50)
    assert grey(picture) is picture


def test_three_equal_channels_are_that_channel() -> None:
    picture = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(grey(np.dstack([picture] * 3)), picture)


def test_colour_becomes_luminance() -> None:
    picture = coloured(draw(2, 50), ink=(20, 60, 30), paper=(240, 230, 200))
    assert np.abs(grey(picture) - picture @ np.array([0.299, 0.587, 0.114])).max() <= 1


@pytest.mark.parametrize(
    ("ink", "paper"),
    [
        ((205, 30, 30), (90, 80, 60)),  # red pen on brown card: 83 and 81 in luminance
        ((0, 0, 255), (0, 0, 0)),
        ((255, 255, 0), (255, 255, 255)),
    ],
)
def test_where_luminance_hides_the_ink_a_channel_shows_it(
    ink: tuple[int, int, int], paper: tuple[int, int, int]
) -> None:
    assert np.ptp(grey(coloured(draw(2, 50), ink, paper))) > 100


def shaded(picture: npt.NDArray[np.uint8], darkest: int, kind: str) -> npt.NDArray[np.uint8]:
    """Light that falls off by `darkest` levels: along a slope, or from a lamp in a corner."""
    y, x = np.mgrid[0 : 1 : picture.shape[0] * 1j, 0 : 1 : picture.shape[1] * 1j]
    fall = (x + y) / 2 if kind == "slope" else (x**2 + y**2) / 2
    return np.clip(picture - darkest * fall, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("kind", ["slope", "lamp"])
@pytest.mark.parametrize(("ink", "paper"), [(110, 220), (240, 150)])
@pytest.mark.parametrize("digit", DIGITS)
def test_uneven_light_is_taken_out(digit: int, ink: int, paper: int, kind: str) -> None:
    even = draw(digit, 120, ink=ink, paper=paper)
    uneven = shaded(even, 120, kind)
    on_paper = even == paper
    assert np.ptp(uneven[on_paper]) > 90
    assert np.ptp(smoothly_lit(uneven)[on_paper]) < 20


@pytest.mark.parametrize("digit", DIGITS)
@pytest.mark.parametrize("pen", [0.02, 0.1, 0.25])
def test_an_evenly_lit_drawing_is_left_alone(digit: int, pen: float) -> None:
    picture = draw(digit, 120, pen=pen)
    assert smoothly_lit(picture) is picture


@pytest.mark.parametrize("digit", DIGITS)
def test_ink_at_the_border_is_not_taken_for_light(digit: int) -> None:
    """A tight crop of a bold digit: the fit finds no paper to follow, and leaves the picture."""
    picture = draw(digit, 60, 50, pen=0.2, box=(0.0, 0.0, 1.0, 1.0))
    assert np.abs(smoothly_lit(picture).astype(int) - picture).max() < 40


def test_the_smallest_pictures_pass() -> None:
    for shape in ((1, 1), (1, 50), (50, 1), (2, 2)):
        picture = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        assert smoothly_lit(picture).shape == shape
