"""Which connected parts are the digit."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from service.images.parts import parts_of, without_clutter
from tests.unit.images.drawings import draw


def mask_of(digit: int, side: int = 100) -> npt.NDArray[np.uint8]:
    return np.where(draw(digit, side) < 128, 255, 0).astype(np.uint8)


def test_boxes_and_areas() -> None:
    mask = np.zeros((10, 12), np.uint8)
    mask[1:4, 2:7] = 255
    mask[6:9, 8:10] = 255
    mask[9, 10] = 255  # touches the second by its corner
    parts = parts_of(mask)
    assert [list(values) for values in parts[1:]] == [[2, 8], [1, 6], [5, 3], [3, 4], [15, 7]]
    assert np.array_equal(parts.labels > 0, mask > 0)


def test_more_parts_than_sixteen_bits_can_count() -> None:
    dots = np.zeros((600, 600), np.uint8)
    dots[::2, ::2] = 255
    parts = parts_of(dots)
    assert parts.area.tolist() == [1] * 90_000
    assert parts.labels.max() == 90_000


def test_no_ink_no_parts() -> None:
    assert parts_of(np.zeros((5, 5), np.uint8)).area.size == 0


def test_a_digit_alone_is_left_as_it_is() -> None:
    for digit in range(10):
        mask = mask_of(digit)
        assert without_clutter(mask) is mask


def test_specks_go_and_large_parts_stay() -> None:
    five = mask_of(5)
    five[45:52] = 0  # the pen was lifted: two large parts
    parts = parts_of(five)
    assert parts.area.size >= 2
    dirty = five.copy()
    dirty[3:5, 80:82] = 255
    dirty[90, 10] = 255
    assert np.array_equal(without_clutter(dirty), five)


def test_a_table_s_edge_in_the_margin_goes() -> None:
    seven = mask_of(7)
    dirty = seven.copy()
    dirty[:, 96:] = 255
    assert np.array_equal(without_clutter(dirty), seven)


def test_ruled_lines_and_frames_go() -> None:
    three = mask_of(3)
    framed = three.copy()
    framed[5:7, :] = 255  # across the sheet
    framed[:, 7:9] = 255  # and down it
    assert parts_of(framed).area.size == 2
    assert np.array_equal(without_clutter(framed), three)


def test_a_lone_part_is_the_digit_whatever_it_looks_like() -> None:
    line = np.zeros((50, 50), np.uint8)
    line[:, 1] = 255
    assert np.array_equal(without_clutter(line), line)


def test_two_lines_in_the_margin_are_all_there_is() -> None:
    """Something must be left, if only to be read as nothing."""
    lines = np.zeros((50, 50), np.uint8)
    lines[10:40, 1] = 255
    lines[10:40, 48] = 255
    assert without_clutter(lines).any()


def test_a_tall_digit_that_touches_top_and_bottom_is_no_frame() -> None:
    one = np.zeros((60, 40), np.uint8)
    one[:, 18:24] = 255
    one[3:6, 2:5] = 255
    kept = without_clutter(one)
    assert kept[30, 20] == 255
    assert kept[4, 3] == 0


def test_a_tiny_crop_keeps_what_reaches_its_edges() -> None:
    """A 3 of 16 pixels, broken in three; in a large picture the two at the edges could be a frame's."""
    mask = np.zeros((16, 16), np.uint8)
    mask[0:2, 2:] = mask[7:9, 4:12] = mask[14:16, :13] = 255
    assert np.array_equal(without_clutter(mask), mask)
    large = np.kron(mask, np.ones((8, 8), np.uint8))
    assert not np.array_equal(without_clutter(large), large)
