"""From any picture of a digit to MNIST's canon."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from service.errors import BlankPictureError
from service.images.canon import is_canonical
from service.images.prepare import STEPS, prepare, steps
from tests.unit.images.drawings import DIGITS, coloured, difference, draw

REFERENCE = {digit: prepare(draw(digit, 280)) for digit in DIGITS}


def nearest(prepared: npt.NDArray[np.uint8]) -> int:
    """Which reference it resembles most, by the cosine between them after a slight blur: no model is needed to tell."""

    def direction(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
        soft = cv2.GaussianBlur(picture[..., 0].astype(np.float64), (0, 0), 1.0).reshape(-1)
        return np.asarray(soft / np.linalg.norm(soft))

    return max(DIGITS, key=lambda digit: float(direction(prepared) @ direction(REFERENCE[digit])))


def photo(digit: int) -> npt.NDArray[np.uint8]:
    """Grey ink on cream paper, a lamp to the left, a shadow's slope, grain, a little blur."""
    picture = coloured(draw(digit, 600, 500, pen=0.06), ink=(70, 70, 95), paper=(226, 214, 190)).astype(float)
    y, x = np.mgrid[0:1:600j, 0:1:500j]
    picture *= (1.0 - 0.45 * (0.7 * x + 0.3 * y**2))[..., None]
    picture += np.random.default_rng(digit).normal(0, 4, picture.shape[:2])[..., None]
    return np.asarray(cv2.GaussianBlur(np.clip(picture, 0, 255).astype(np.uint8), (0, 0), 1.2), np.uint8)


WAYS = {
    "large": lambda digit: draw(digit, 1200),
    "small": lambda digit: draw(digit, 28),
    "tiny": lambda digit: draw(digit, 20),
    "white on black": lambda digit: draw(digit, 200, ink=255, paper=0),
    "small, white on black": lambda digit: draw(digit, 28, ink=255, paper=0),
    "a wide sheet": lambda digit: draw(digit, 160, 480, box=(0.6, 0.2, 0.2, 0.6)),
    "a tall sheet": lambda digit: draw(digit, 480, 160, box=(0.2, 0.05, 0.6, 0.25)),
    "in a corner": lambda digit: draw(digit, 300, box=(0.03, 0.03, 0.18, 0.21)),
    "full size": lambda digit: draw(digit, 200, box=(0.12, 0.05, 0.77, 0.9)),
    "a fine pen": lambda digit: draw(digit, 300, pen=0.012),
    "a marker": lambda digit: draw(digit, 200, pen=0.18),
    "pencil": lambda digit: draw(digit, 200, ink=175, paper=215),
    "blue on yellow": lambda digit: coloured(draw(digit, 200), (30, 30, 160), (250, 230, 60)),
    "red on brown": lambda digit: coloured(draw(digit, 200), (205, 30, 30), (90, 80, 60)),
    "a photo": photo,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("digit", DIGITS)
def test_however_it_was_made_it_looks_like_itself(digit: int, way: str) -> None:
    prepared = prepare(WAYS[way](digit))
    assert prepared.shape == (28, 28, 1)
    assert prepared.dtype == np.uint8
    assert prepared.max() == 255
    assert nearest(prepared) == digit


@pytest.mark.parametrize("way", ["large", "white on black", "in a corner", "full size"])
@pytest.mark.parametrize("digit", DIGITS)
def test_size_place_and_polarity_leave_hardly_a_trace(digit: int, way: str) -> None:
    assert difference(prepare(WAYS[way](digit)), REFERENCE[digit]) < 10  # any two digits are more than 15 apart


@pytest.mark.parametrize("digit", DIGITS)
def test_a_canonical_picture_passes_bit_for_bit(digit: int) -> None:
    canonical = REFERENCE[digit][..., 0]
    assert is_canonical(canonical)
    assert np.array_equal(prepare(canonical)[..., 0], canonical)
    assert np.array_equal(prepare(255 - canonical)[..., 0], canonical), "with its polarity turned"
    assert np.array_equal(prepare(np.dstack([canonical] * 3))[..., 0], canonical), "as RGB"
    assert np.shares_memory(prepare(canonical), canonical), "and at no cost"


@pytest.mark.parametrize("digit", DIGITS)
def test_a_picture_of_28_by_28_that_is_not_canonical_is_prepared(digit: int) -> None:
    canonical = REFERENCE[digit][..., 0]
    for off in (np.roll(canonical, 2, axis=1), np.roll(canonical, -1, axis=0), canonical // 3):
        prepared = prepare(off)[..., 0]
        assert not np.array_equal(prepared, off)
        assert difference(prepared, canonical) < 9


@pytest.mark.parametrize("digit", DIGITS)
def test_clutter_around_the_digit_is_left_out(digit: int) -> None:
    picture = draw(digit, 200)
    picture[:, 195:] = 20
    picture[:4] = 60
    picture[20:22, 30:33] = 0
    picture[180, 150:153] = 0
    assert difference(prepare(picture), prepare(draw(digit, 200))) < 3


def test_the_steps_come_in_order_and_the_last_is_the_result() -> None:
    picture = draw(6, 300)
    seen = list(steps(picture))
    assert [name for name, _ in seen] == ["given", *(step.__name__ for step in STEPS)]
    assert seen[0][1] is picture
    assert np.array_equal(seen[-1][1], prepare(picture)[..., 0])
    assert all(result.dtype == np.uint8 for _, result in seen)


def test_the_steps_end_where_the_picture_is_canonical() -> None:
    canonical = REFERENCE[6][..., 0]
    assert [name for name, _ in steps(canonical)] == ["given"]
    assert [name for name, _ in steps(255 - canonical)][-1] == "light_ink"


@pytest.mark.parametrize(
    "blank",
    [
        np.full((28, 28), 255, np.uint8),
        np.zeros((28, 28), np.uint8),
        np.full((200, 300, 3), (240, 230, 210), np.uint8),
        np.zeros((1, 1), np.uint8),
        np.full((1, 500), 77, np.uint8),
        np.tile(np.linspace(120, 220, 200).astype(np.uint8), (200, 1)),
        np.clip(np.random.default_rng(3).normal(200, 5, (300, 300)), 0, 255).astype(np.uint8),
    ],
    ids=["white", "black", "cream", "one pixel", "one row", "light falling off", "grain"],
)
def test_a_blank_picture_is_refused(blank: npt.NDArray[np.uint8]) -> None:
    with pytest.raises(BlankPictureError):
        prepare(blank)


PICTURES = st.one_of(
    arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40))),
    arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40), st.just(3))),
    arrays(np.uint8, st.tuples(st.integers(1, 3), st.integers(200, 700))),
    arrays(np.uint8, st.tuples(st.integers(200, 700), st.integers(1, 3))),
)


@settings(max_examples=300, deadline=None)
@given(PICTURES)
def test_any_picture_at_all_is_prepared_or_blank(picture: npt.NDArray[np.uint8]) -> None:
    before = picture.copy()
    try:
        prepared = prepare(picture)
    except BlankPictureError:
        pass
    else:
        assert prepared.shape == (28, 28, 1)
        assert prepared.dtype == np.uint8
        assert prepared.max() >= 254
    assert np.array_equal(picture, before), "the input is not written to"


def test_a_read_only_picture_will_do() -> None:
    picture = draw(2, 300)
    picture.flags.writeable = False
    assert nearest(prepare(picture)) == 2
