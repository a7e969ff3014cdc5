"""Which grey is the ink: by the border, and on crops as tight as the digit by shape as well."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from service.images.polarity import light_ink
from tests.unit.images.drawings import DIGITS, draw


@pytest.mark.parametrize("digit", DIGITS)
def test_ink_ends_up_light_whichever_it_was(digit: int) -> None:
    dark_on_light = draw(digit, 60, ink=40, paper=200)
    light_on_dark = 255 - dark_on_light
    assert np.array_equal(light_ink(dark_on_light), light_on_dark)
    assert light_ink(light_on_dark) is light_on_dark


def test_a_stroke_that_runs_out_of_the_picture_is_still_the_ink() -> None:
    picture = np.full((40, 40), 220, np.uint8)
    picture[:, 10:18] = 30
    picture[5:10, :] = 30
    assert np.array_equal(light_ink(picture), 255 - picture)


def tight(digit: int, pen: float, side: int) -> npt.NDArray[np.uint8]:
    """Dark on light, cropped to the ink's own box and stretched to a square, as some data sets have it; black and white."""
    picture = draw(digit, 240, pen=pen)
    left, top, width, height = cv2.boundingRect((picture < 128).astype(np.uint8))
    crop = cv2.resize(picture[top : top + height, left : left + width], (side, side), interpolation=cv2.INTER_AREA)
    return np.where(crop < 128, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("digit", set(DIGITS) - {1})
@pytest.mark.parametrize("pen", [0.1, 0.2])
@pytest.mark.parametrize("side", [16, 80])
def test_crops_as_tight_as_the_digit(digit: int, pen: float, side: int) -> None:
    picture = tight(digit, pen, side)
    assert np.array_equal(light_ink(picture), 255 - picture)
    assert np.array_equal(light_ink(255 - picture), 255 - picture)


def test_a_digit_may_cover_most_of_the_border_of_its_crop() -> None:
    picture = np.zeros((20, 16), np.uint8)
    picture[:3] = picture[-3:] = 255
    cv2.line(picture, (13, 3), (2, 17), 255, 3)
    assert np.mean(np.concatenate((picture[0], picture[-1], picture[:, 0], picture[:, -1])) > 0) > 0.6
    assert light_ink(picture) is picture
    assert np.array_equal(light_ink(255 - picture), picture)


def test_a_table_beside_the_paper_is_not_ink_for_its_many_parts() -> None:
    """Three quarters of the border decide alone, whatever lies within."""
    picture = np.full((60, 60), 30, np.uint8)
    picture[8:52:8, 8:52] = 220
    assert light_ink(picture) is picture
