"""Ruled paper and hair lines go; the digit stays."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from service.images.lines import without_hairs, without_lines, without_rules
from tests.unit.images.drawings import DIGITS, draw


def mask_of(digit: int, pen: float = 0.12, side: int = 200) -> npt.NDArray[np.uint8]:
    return np.where(draw(digit, side, pen=pen) < 128, 255, 0).astype(np.uint8)


def differing(one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8]) -> float:
    """The pixels that differ, as a part of the ink."""
    return float(np.count_nonzero(one != other) / np.count_nonzero(other))


@pytest.mark.parametrize("pen", [0.04, 0.12, 0.2])
@pytest.mark.parametrize("digit", DIGITS)
def test_a_digit_alone_is_left_as_it_is(digit: int, pen: float) -> None:
    mask = mask_of(digit, pen)
    assert without_lines(mask) is mask


# Of squared paper a line runs within the stem of this 4: the two are one stroke.
@pytest.mark.parametrize(
    ("digit", "squared"),
    [(digit, squared) for digit in DIGITS for squared in (False, True) if (digit, squared) != (4, True)],
)
def test_ruled_and_squared_paper_goes(digit: int, squared: bool) -> None:
    paper = np.zeros((200, 200), np.uint8)
    for start in range(7, 200, 40):
        paper[start : start + 2] = 255
        if squared:
            paper[:, start : start + 2] = 255
    mask = mask_of(digit)
    cleared = without_rules(mask | paper)
    assert not cleared[:20].any()
    assert differing(cleared, mask) < 0.1


@pytest.mark.parametrize("digit", DIGITS)
def test_a_line_that_slopes_a_little_goes(digit: int) -> None:
    mask = mask_of(digit)
    lined = cv2.line(mask.copy(), (0, 108), (199, 111), (255,), 2)
    assert differing(without_rules(np.asarray(lined, np.uint8)), mask) < 0.06


def test_a_stroke_that_ends_short_of_the_edges_is_no_rule() -> None:
    base = np.zeros((100, 200), np.uint8)
    base[80:84, 6:194] = 255
    base[20:84, 90:94] = 255
    assert without_rules(base) is base


def test_lines_alone_are_all_there_is() -> None:
    lines = np.zeros((100, 100), np.uint8)
    lines[::20] = 255
    assert without_rules(lines) is lines


@pytest.mark.parametrize("digit", DIGITS)
def test_hair_lines_across_a_bold_digit_go(digit: int) -> None:
    mask = mask_of(digit)
    struck = mask.copy()
    for start, end in (((5, 20), (190, 150)), ((30, 199), (120, 0)), ((0, 120), (199, 90))):
        cv2.line(struck, start, end, (255,), 2)
    assert differing(without_hairs(struck), mask) < 0.08


def test_thin_strokes_within_the_digit_stay() -> None:
    """The thin roof of a 5 that a brush drew."""
    five = mask_of(5, 0.16)
    five[34:37, 85:120] = 255
    assert without_hairs(five) is five


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (63, 200), (64, 64), (200, 64)])
@pytest.mark.parametrize("level", [0, 255])
def test_pictures_of_one_level_pass(shape: tuple[int, int], level: int) -> None:
    mask = np.full(shape, level, np.uint8)
    assert without_lines(mask) is mask
