"""Shadows, table edges and lamps go; strokes stay."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from service.images.prepare import prepare
from service.images.shade import evenly_lit, locally_lit
from tests.unit.images.drawings import DIGITS, difference, draw


def half_shadow(picture: npt.NDArray[np.uint8], depth: float = 0.5) -> npt.NDArray[np.uint8]:
    """A shadow with an edge, aslant over the picture."""
    y, x = np.mgrid[0 : 1 : picture.shape[0] * 1j, 0 : 1 : picture.shape[1] * 1j]
    return np.rint(picture * np.where(x + 0.4 * y < 0.6, depth, 1.0)).astype(np.uint8)


def beside_a_table(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    y, x = np.mgrid[0 : 1 : picture.shape[0] * 1j, 0 : 1 : picture.shape[1] * 1j]
    return np.where(x + 0.15 * y > 0.97, 60, picture).astype(np.uint8)


@pytest.mark.parametrize("depth", [0.4, 0.5, 0.7])
@pytest.mark.parametrize("digit", DIGITS)
def test_a_shadow_with_an_edge_leaves_the_digit(digit: int, depth: float) -> None:
    picture = draw(digit, 240, ink=40, paper=220)
    assert difference(prepare(half_shadow(picture, depth)), prepare(picture)) < 10


@pytest.mark.parametrize("digit", DIGITS)
def test_a_strip_of_table_goes(digit: int) -> None:
    picture = draw(digit, 240, ink=40, paper=220)
    assert difference(prepare(beside_a_table(picture)), prepare(picture)) < 10


@pytest.mark.parametrize("ink", [30, 255])
def test_local_light_shows_ink_alike_in_the_sun_and_in_the_shade(ink: int) -> None:
    picture = np.full((120, 120), 110, np.uint8)
    picture[20:100, 30:36] = ink
    picture[20:100, 84:90] = ink
    lit = locally_lit(half_shadow(picture))
    assert abs(int(lit[60, 33]) - int(lit[60, 87])) < 16
    assert abs(int(lit[60, 10]) - 128) <= 1
    assert abs(int(lit[60, 110]) - 128) <= 1


@pytest.mark.parametrize("digit", DIGITS)
def test_a_crop_as_tight_as_the_digit_keeps_its_strokes(digit: int) -> None:
    picture = draw(digit, 150, 120, pen=0.16, ink=30, paper=220)
    rows, columns = np.nonzero(picture < 125)
    tight = np.ascontiguousarray(picture[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1])
    assert evenly_lit(tight) is tight
    assert difference(prepare(tight), prepare(picture)) < 10


def test_an_evenly_lit_picture_is_returned_as_it_is() -> None:
    picture = draw(4, 200)
    assert evenly_lit(picture) is picture


@pytest.mark.parametrize("shape", [(1, 1), (3, 500), (39, 39), (40, 40), (40, 240)])
def test_noise_of_any_shape_passes(shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    assert evenly_lit(noise).shape == shape
    assert locally_lit(noise).shape == shape
