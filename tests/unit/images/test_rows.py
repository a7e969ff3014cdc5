"""Rows of drawn digits whose places are known: every digit must be among the pieces, in a box of its own."""

from __future__ import annotations

import contextlib
import io

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from service.errors import BlankPictureError, PayloadTooLargeError, UndecodablePictureError
from service.images.canon import is_canonical
from service.images.limits import PictureLimits
from service.images.prepare import prepare
from service.images.row_atoms import PARTS_MAX
from service.images.rows import Box, Row, find_digits
from tests.rows import Kind, compose
from tests.unit.images.drawings import DIGITS, draw

CANONICAL = np.stack([prepare(draw(digit))[..., 0] for digit in DIGITS])
SEEDS = range(6)


def png(picture: npt.NDArray[np.uint8]) -> bytes:
    return cv2.imencode(".png", picture)[1].tobytes()


def overlap(one: Box, other: Box) -> float:
    """Intersection over union."""
    across = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    down = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    common = max(across, 0) * max(down, 0)
    return common / (one[2] * one[3] + other[2] * other[3] - common)


def best(row: Row, box: Box) -> float:
    return max(overlap(piece.box, box) for piece in row.pieces)


def numbers(seed: int, length: int = 6) -> npt.NDArray[np.intp]:
    return np.random.default_rng(seed).integers(0, 10, length)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", ["separated", "ruled", "boxed"])
def test_every_digit_that_stands_alone_is_a_piece(kind: Kind, seed: int) -> None:
    composed = compose(CANONICAL[numbers(seed)], kind, seed)
    row = find_digits(png(composed.picture))
    assert all(best(row, box) > 0.75 for box in composed.boxes)


def test_most_digits_that_touch_are_pieces() -> None:
    found = []
    for seed in range(12):
        composed = compose(CANONICAL[numbers(seed)], "touching", seed)
        row = find_digits(png(composed.picture))
        found += [best(row, box) > 0.7 for box in composed.boxes]
    assert np.mean(found) > 0.85


@pytest.mark.parametrize("length", [1, 2, 8])
def test_rows_of_any_length(length: int) -> None:
    composed = compose(CANONICAL[numbers(3, length)], "separated", 3)
    row = find_digits(png(composed.picture))
    assert row.atoms >= length
    assert all(best(row, box) > 0.75 for box in composed.boxes)


def test_pieces_are_as_the_model_knows_digits_and_lead_through_the_row() -> None:
    row = find_digits(png(compose(CANONICAL[numbers(1)], "touching", 1).picture))
    assert row.images.shape == (len(row.pieces), 28, 28, 1)
    assert row.images.dtype == np.uint8
    for image in row.images[..., 0]:
        assert image.max() >= 254
        assert max(cv2.boundingRect(image)[2:]) in {19, 20}
    alone = find_digits(png(compose(CANONICAL[numbers(1)], "separated", 1).picture))
    whole = [piece.first == piece.last and not piece.is_split for piece in alone.pieces]
    assert any(whole)
    assert all(is_canonical(image) for image in alone.images[whole, ..., 0])
    single = {piece.first for piece in row.pieces if piece.first == piece.last}
    assert single == set(range(row.atoms))
    assert [piece.first for piece in row.pieces] == sorted(piece.first for piece in row.pieces)
    assert any(piece.is_split for piece in row.pieces)


def test_what_stands_alone_is_not_said_to_be_split() -> None:
    ones = np.stack([CANONICAL[1]] * 4)
    row = find_digits(png(compose(ones, "separated", 2).picture))
    assert row.atoms == 4
    assert not any(piece.is_split for piece in row.pieces)


@pytest.mark.parametrize("factor", [3, 5])
def test_boxes_are_in_pixels_of_the_picture_as_sent(factor: int) -> None:
    composed = compose(CANONICAL[numbers(2)], "separated", 2)
    height, width = composed.picture.shape
    large = cv2.resize(composed.picture, (width * factor, height * factor), interpolation=cv2.INTER_CUBIC)
    row = find_digits(png(np.asarray(large, np.uint8)))
    assert row.size == (width * factor, height * factor)
    for x, y, across, down in composed.boxes:
        assert best(row, (x * factor, y * factor, across * factor, down * factor)) > 0.75


def test_boxes_are_those_of_the_picture_turned_upright() -> None:
    composed = compose(CANONICAL[numbers(4)], "separated", 4)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90° clockwise
    file = io.BytesIO()
    Image.fromarray(np.rot90(composed.picture)).save(file, "JPEG", quality=95, exif=exif)
    row = find_digits(file.getvalue())
    assert row.size == composed.picture.shape[::-1]
    assert all(best(row, box) > 0.75 for box in composed.boxes)


def test_a_digit_in_two_pieces_is_one() -> None:
    broken = draw(5)
    broken[: broken.shape[0] // 2] = np.roll(broken[: broken.shape[0] // 2], -6, axis=0)
    broken[134:140] = 255
    sheet = np.hstack([draw(3), broken, draw(8)])
    row = find_digits(png(sheet))
    left = broken.shape[1]
    ink = cv2.boundingRect((broken < 128).astype(np.uint8))
    assert best(row, (left + ink[0], ink[1], ink[2], ink[3])) > 0.9


def test_specks_are_dropped() -> None:
    sheet = np.hstack([draw(3), draw(1), draw(8)])
    before = find_digits(png(sheet))
    for x, y in ((20, 20), (290, 140), (555, 260)):
        sheet[y : y + 8, x : x + 8] = 0
    assert find_digits(png(sheet)).atoms == before.atoms


def test_a_line_through_the_feet_is_taken_out_and_the_feet_stay() -> None:
    digits = np.hstack([draw(1), draw(7), draw(4)])
    plain = find_digits(png(digits))
    ruled = digits.copy()
    ruled[225:229] = 0  # the feet end at 238
    row = find_digits(png(ruled))
    for piece in plain.pieces:
        if piece.first == piece.last and not piece.is_split:
            assert best(row, piece.box) > 0.8


def test_a_stranger_above_the_row_is_no_part_of_it() -> None:
    digits = np.hstack([draw(1), draw(7), draw(4)])
    sheet = np.vstack([np.full((200, digits.shape[1]), 255, np.uint8), digits])
    sheet[20:60, 300:420] = 0
    row = find_digits(png(sheet))
    assert all(piece.box[1] >= 200 for piece in row.pieces)
    assert row.atoms >= 3


def test_a_blank_picture_is_refused() -> None:
    with pytest.raises(BlankPictureError):
        find_digits(png(np.full((100, 400), 240, np.uint8)))


def test_a_picture_of_nothing_but_a_line_is_refused() -> None:
    sheet = np.full((100, 400), 240, np.uint8)
    sheet[80:83] = 30
    with pytest.raises(BlankPictureError, match="only lines"):
        find_digits(png(sheet))


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(UndecodablePictureError):
        find_digits(b"12345")


def test_the_limits_hold() -> None:
    with pytest.raises(PayloadTooLargeError):
        find_digits(png(draw(3)), PictureLimits(max_pixels=1000))


def test_noise_does_not_run_away() -> None:
    noise = np.random.default_rng(0).integers(0, 2, (300, 900), np.uint8) * np.uint8(255)
    assert find_digits(png(noise)).atoms <= PARTS_MAX


@pytest.mark.parametrize("seed", range(40))
def test_whatever_is_on_a_picture_it_is_read_or_refused(seed: int) -> None:
    rng = np.random.default_rng(seed)
    height, width = (int(side) for side in rng.integers(1, 120, 2))
    sheet = np.full((height, width), 250, np.uint8)
    for _ in range(int(rng.integers(0, 9))):
        corners = rng.integers(0, (width, height), (2, 2)).tolist()
        cv2.line(sheet, corners[0], corners[1], int(rng.integers(0, 200)), int(rng.integers(1, 12)))
        cv2.rectangle(sheet, corners[1], rng.integers(0, (width, height)).tolist(), 30, int(rng.choice([-1, 1, 3])))
    with contextlib.suppress(BlankPictureError):
        row = find_digits(png(sheet))
        for piece in row.pieces:
            x, y, across, down = piece.box
            assert x >= 0
            assert y >= 0
            assert 0 < across <= width - x
            assert 0 < down <= height - y
