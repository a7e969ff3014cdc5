"""Lines and boxes go, what crosses them stays."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from service.images.parts import parts_of
from service.images.row_lines import typical_height_px, without_lines

Mask = npt.NDArray[np.uint8]


def sheet() -> Mask:
    """Three bars, 10 wide and 60 high, on black."""
    mask = np.zeros((100, 240), np.uint8)
    for left in (40, 110, 180):
        mask[20:80, left : left + 10] = 255
    return mask


def cleared(mask: Mask) -> Mask:
    return without_lines(mask, mask)


def test_nothing_goes_where_there_is_no_line() -> None:
    np.testing.assert_array_equal(cleared(sheet()), sheet())


def test_a_ruled_line_goes_and_the_strokes_that_cross_it_stay() -> None:
    ruled = sheet()
    ruled[60:63] = 255
    left = cleared(ruled)
    assert cv2.countNonZero(cv2.bitwise_and(sheet(), cv2.bitwise_not(left))) == 0
    assert cv2.countNonZero(left) <= cv2.countNonZero(sheet()) + 3 * 3 * 4


def test_a_line_that_rises_goes_too() -> None:
    ruled = sheet()
    cv2.line(ruled, (0, 92), (239, 88), 255, 2)
    np.testing.assert_array_equal(cleared(ruled), sheet())


def test_boxes_around_the_digits_go() -> None:
    boxed = sheet()
    for left in (40, 110, 180):
        cv2.rectangle(boxed, (left - 20, 10), (left + 30, 90), 255, 2)
    np.testing.assert_array_equal(cleared(boxed), sheet())


def test_a_box_divided_into_fields_goes() -> None:
    boxed = sheet()
    cv2.rectangle(boxed, (10, 8), (225, 92), 255, 2)
    for x in (80, 150):
        boxed[8:93, x : x + 2] = 255
    left = cleared(boxed)
    assert cv2.countNonZero(cv2.absdiff(left, sheet())) <= 8  # stumps of the dividers, dropped as specks later


def test_a_ring_around_nothing_is_no_box() -> None:
    """A 0 drawn with corners, as a display has it."""
    ring = np.zeros((100, 240), np.uint8)
    cv2.rectangle(ring, (100, 20), (140, 80), 255, 8)
    np.testing.assert_array_equal(cleared(ring), ring)


def test_the_height_of_digits_is_the_median_of_what_is_large() -> None:
    mask = sheet()
    mask[90:93, 5:8] = 255
    assert typical_height_px(parts_of(mask)) == 60
    assert typical_height_px(parts_of(np.zeros((5, 5), np.uint8))) == 0


def test_a_tall_bar_is_no_box() -> None:
    """A 1, of which all sides are ink and which is slimmer than the pen of a frame of its height might be."""
    bar = np.zeros((100, 60), np.uint8)
    bar[10:90, 26:34] = 255
    np.testing.assert_array_equal(cleared(bar), bar)


@pytest.mark.parametrize("pen", [2, 7])
def test_what_divides_a_frame_goes_and_a_stroke_that_touches_it_stays(pen: int) -> None:
    """Fields of 76 pixels' height in lines of `pen` pixels, and in one a bar that hangs from the frame."""
    framed = np.zeros((100, 240), np.uint8)
    cv2.rectangle(framed, (10, 12), (230, 88), 255, pen)
    for x in (80, 150):
        cv2.line(framed, (x, 12), (x, 88), 255, pen)
    framed[12:74, 40:48] = 255
    framed[30:70, 110:118] = framed[30:70, 185:193] = 255
    left = cleared(framed)
    assert not left[20:80, 70:90].any()
    assert not left[20:80, 140:160].any()
    for bar in (left[25:70, 40:48], left[30:70, 110:118], left[30:70, 185:193]):
        assert np.mean(bar > 0) > 0.9
