"""Finding the ink, and nothing but the digit's."""

from __future__ import annotations

import numpy as np
import pytest

from service.errors import BlankPictureError
from service.images.card import off_the_card
from service.images.ink import cleaned, cropped, thickened
from service.images.polarity import light_ink
from service.images.split import split
from tests.unit.images.drawings import DIGITS, draw


def test_split_tells_ink_from_paper_and_how_far_apart_they_are() -> None:
    found = split(draw(0, 120, ink=180, paper=60))
    assert found.ink_level == pytest.approx(180, abs=8)
    assert found.paper_level == pytest.approx(60, abs=4)
    assert found.contrast_levels == pytest.approx(found.ink_level - found.paper_level)
    assert not found.is_blank
    assert set(np.unique(found.ink)) == {0, 255}


def test_a_level_picture_is_blank() -> None:
    assert split(np.full((30, 30), 90, np.uint8)).is_blank


@pytest.mark.parametrize("deviation", [1, 5, 20, 60])
def test_noise_is_blank_however_strong(deviation: float) -> None:
    noise = np.random.default_rng(1).normal(128, deviation, (100, 100))
    assert split(np.clip(np.rint(noise), 0, 255).astype(np.uint8)).is_blank


@pytest.mark.parametrize("contrast", [25, 60, 200])
def test_a_stroke_in_noise_is_not(contrast: int) -> None:
    noise = np.random.default_rng(1).normal(20, 3, (100, 100))
    picture = np.clip(noise + (255 - draw(2, 100)) / 255 * contrast, 0, 255).astype(np.uint8)
    assert not split(picture).is_blank


def test_cleaning_stretches_paper_to_black_and_ink_to_white() -> None:
    picture = draw(3, 100, ink=140, paper=90)
    result = cleaned(picture)
    assert (result[picture == 90] == 0).all()
    assert (result[picture == 140] == 255).all()
    faint = (picture > 92) & (picture < 108)  # a soft edge, nearer to paper than to ink
    assert faint.any()
    assert (result[faint] > 0).all()
    assert (result[faint] < 128).all()


def test_cleaning_drops_specks_with_their_soft_edges() -> None:
    picture = draw(3, 100, ink=200, paper=10)
    picture[4:6, 4:6] = 200
    picture[3, 4:6] = 100
    assert not cleaned(picture)[:8, :8].any()


def test_cleaning_a_blank_sheet_is_refused() -> None:
    with pytest.raises(BlankPictureError, match="blank"):
        cleaned(np.full((40, 40), 7, np.uint8))


def test_cropping_leaves_the_box_of_the_ink() -> None:
    picture = np.zeros((30, 40), np.uint8)
    picture[5:12, 8:30] = 255
    picture[0, 0] = 127  # less than half
    assert cropped(picture).shape == (7, 22)


def test_cropping_nothing_is_refused() -> None:
    with pytest.raises(BlankPictureError):
        cropped(np.full((8, 8), 100, np.uint8))


@pytest.mark.parametrize("digit", DIGITS)
@pytest.mark.parametrize("bright_card", [True, False])
def test_a_card_on_a_table_gives_way_to_what_is_written_on_it(digit: int, bright_card: bool) -> None:
    written = draw(digit, 140, ink=30, paper=220)
    table = np.full((260, 240), 40, np.uint8)
    table[60:200, 50:190] = written
    found = off_the_card(light_ink(table if bright_card else 255 - table))
    assert np.array_equal(found, 255 - written[6:-6, 6:-6]), "6 of the card's 140 pixels are its edge"


@pytest.mark.parametrize("digit", DIGITS)
@pytest.mark.parametrize("pen", [0.02, 0.1, 0.25])
@pytest.mark.parametrize("side", [28, 120])
def test_a_digit_is_no_card(digit: int, pen: float, side: int) -> None:
    for box in ((0.2, 0.15, 0.6, 0.7), (0.05, 0.05, 0.9, 0.9)):
        picture = draw(digit, side, pen=pen, ink=255, paper=0, box=box)
        assert off_the_card(picture) is picture


def test_a_card_without_writing_stays() -> None:
    table = np.zeros((100, 100), np.uint8)
    table[20:80, 20:80] = 200
    assert off_the_card(table) is table


def test_an_empty_picture_holds_no_card() -> None:
    empty = np.zeros((50, 50), np.uint8)
    assert off_the_card(empty) is empty


@pytest.mark.parametrize("length", [60, 120, 230])
@pytest.mark.parametrize("width", [1, 2, 3])
def test_a_hair_line_is_widened_to_one_and_a_half_pixels_in_twenty(length: int, width: int) -> None:
    wide = thickened(np.full((length, width), 255, np.uint8))
    assert wide.shape[1] == pytest.approx(length * 1.5 / 20, abs=2)
    assert length < wide.shape[0] < 1.15 * length


def test_a_faint_line_is_widened_and_stays_faint() -> None:
    line = np.full((200, 2), 200, np.uint8)
    assert thickened(line).max() == 200


@pytest.mark.parametrize("digit", DIGITS)
def test_strokes_that_are_wide_enough_stay(digit: int) -> None:
    ink = cropped(draw(digit, 240, pen=0.16, ink=255, paper=0))
    assert thickened(ink) is ink
