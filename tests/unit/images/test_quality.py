"""What is found out about a picture, and each step of its preparation as something to look at."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from service.errors import BlankPictureError
from service.images import WARNINGS, Prepared, Quality, read, read_picture, trace
from service.images.prepare import prepare
from service.images.quality import stroke_width
from tests.unit.images.drawings import DIGITS, coloured, draw
from tests.unit.images.encoded import encode


def quality(picture: npt.NDArray[np.uint8], file_format: str = "PNG", **options: object) -> Quality:
    return read(encode(picture, file_format, **options)).quality


@pytest.mark.parametrize("digit", DIGITS)
def test_the_image_is_what_read_picture_gives(digit: int) -> None:
    for picture in (draw(digit, 28), draw(digit, 280), prepare(draw(digit, 280))[..., 0]):
        data = encode(picture)
        assert np.array_equal(read(data).image, read_picture(data))


@pytest.mark.parametrize("digit", DIGITS)
def test_a_clean_drawing_has_nothing_to_warn_of(digit: int) -> None:
    found = quality(draw(digit, 280))
    assert found.warnings == ()
    assert found.parts == 1
    assert not found.canonical
    assert found.contrast > 0.9


@pytest.mark.parametrize("digit", DIGITS)
def test_polarity_is_as_the_picture_was_sent(digit: int) -> None:
    canonical = prepare(draw(digit, 280))[..., 0]
    for dark in (draw(digit, 280), 255 - canonical, coloured(draw(digit, 90), (200, 40, 40), (240, 230, 220))):
        assert quality(dark).polarity == "dark_on_light"
        assert quality(255 - dark).polarity == "light_on_dark"


@pytest.mark.parametrize("digit", DIGITS)
def test_canonical_is_told(digit: int) -> None:
    canonical = prepare(draw(digit, 280))[..., 0]
    assert quality(canonical).canonical
    assert quality(255 - canonical).canonical
    assert not quality(np.roll(canonical, 2, axis=0)).canonical


@pytest.mark.parametrize("file_format", ["PNG", "JPEG"])
@pytest.mark.parametrize("side", [100, 280, 700, 2200])
def test_the_ink_box_is_in_pixels_of_the_picture_as_sent(side: int, file_format: str) -> None:
    picture = draw(0, side)
    rows, columns = np.nonzero(picture < 128)
    expected = (columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1)
    assert quality(picture, file_format).ink_box == pytest.approx(expected, abs=max(2, side / 60))


def test_the_ink_box_is_told_upright() -> None:
    picture = draw(7, 200, 400, box=(0.1, 0.1, 0.2, 0.5))
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
    turned = np.ascontiguousarray(np.rot90(picture))  # orientation 6: to be turned a quarter clockwise
    assert quality(turned, exif=exif).ink_box == quality(picture).ink_box


def test_the_ink_box_on_a_card_counts_from_the_picture_s_corner() -> None:
    table = np.full((240, 240), 40, np.uint8)
    table[80:220, 60:200] = draw(7, 140, ink=30, paper=220)
    found = quality(table)
    rows, columns = np.nonzero(draw(7, 140) < 128)
    expected = (60 + columns.min(), 80 + rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1)
    assert found.ink_box == pytest.approx(expected, abs=2)
    assert "on_a_card" in found.warnings
    assert found.polarity == "dark_on_light"


def test_stroke_width_is_twice_the_area_over_the_outline() -> None:
    bar = np.zeros((28, 28), np.uint8)
    bar[4:24, 12:15] = 255
    assert stroke_width(bar) == pytest.approx(2 * 60 / 46, rel=0.05)
    assert stroke_width(np.zeros((28, 28), np.uint8)) == 0
    widths = [quality(draw(3, 280, pen=pen)).stroke_width_px for pen in (0.08, 0.12, 0.16)]
    assert widths == sorted(widths)
    assert 1.4 < widths[0] < widths[-1] < 5


@pytest.mark.parametrize("contrast", [40, 100, 200])
def test_contrast_is_a_part_of_the_range(contrast: int) -> None:
    assert quality(draw(8, 200, ink=230 - contrast, paper=230)).contrast == pytest.approx(contrast / 255, abs=0.02)


def specks(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    rng = np.random.default_rng(0)
    for x, y in rng.integers(2, 238, (60, 2)):
        picture[y : y + 2, x : x + 2] = 20
    return picture


def ruled(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    picture[30::50] = 120
    return picture


def shaded(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return np.rint(picture * np.linspace(0.5, 1, picture.shape[1])).astype(np.uint8)


WARNED = {
    "low_contrast": draw(2, 240, ink=205, paper=230),
    "touches_border": draw(2, 240, box=(0.4, 0.2, 0.75, 0.6)),
    "several_parts": np.hstack([draw(2, 240, 120), draw(3, 240, 120)]),
    "thin_strokes": draw(2, 240, pen=0.012),
    "uneven_light": shaded(draw(2, 240, ink=60, paper=230)),
    "tiny": draw(2, 16),
    "many_specks": specks(draw(2, 240)),
    "lines_removed": ruled(draw(2, 240)),
    "on_a_card": cv2.copyMakeBorder(draw(2, 160), 60, 60, 60, 60, cv2.BORDER_CONSTANT, value=(40,)),
}


def test_every_warning_is_documented_and_tested() -> None:
    assert set(WARNED) == set(WARNINGS)


@pytest.mark.parametrize("name", WARNED)
def test_a_warning_is_given_where_it_is_due(name: str) -> None:
    assert quality(np.asarray(WARNED[name], np.uint8)).warnings == (name,)


def test_two_digits_are_two_parts() -> None:
    assert quality(np.hstack([draw(4, 200, 120), draw(7, 200, 120), draw(1, 200, 120)])).parts == 3


def test_the_steps_are_shown_from_the_given_to_the_last() -> None:
    data = encode(coloured(draw(6, 900, 1400), (20, 30, 120), (240, 235, 220)))
    prepared, steps = trace(data)
    assert [step.name for step in steps] == [name for name, _ in prepared.seen]
    assert steps[0].name == "given"
    assert np.array_equal(steps[-1].image[..., None], prepared.image)
    for step in steps:
        assert step.image.dtype == np.uint8
        assert step.image.ndim == 2 or step.image.shape[2] == 3
        assert max(step.image.shape[:2]) <= 512
    assert max(trace(encode(draw(6, 100, 2000)))[1][0].image.shape) == 512


def test_a_long_picture_keeps_at_least_one_row() -> None:
    _, steps = trace(encode(np.hstack([np.zeros((1, 600), np.uint8), np.full((1, 1400), 255, np.uint8)])))
    assert steps[0].image.shape == (1, 512)


def test_a_blank_picture_is_refused() -> None:
    data = encode(np.full((50, 50), 255, np.uint8))
    for function in (read, trace):
        with pytest.raises(BlankPictureError):
            function(data)


def test_quality_is_measured_once_and_cannot_be_changed() -> None:
    prepared = read(encode(draw(3, 100)))
    assert prepared.quality is prepared.quality
    with pytest.raises(dataclasses.FrozenInstanceError):
        prepared.quality.parts = 2  # type: ignore[misc]


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(
        arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40))),
        arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40), st.just(3))),
        arrays(np.uint8, st.tuples(st.integers(1, 3), st.integers(200, 700))),
        arrays(np.uint8, st.tuples(st.integers(60, 80), st.integers(60, 80))),
    )
)
def test_any_picture_has_a_quality_in_range_or_is_blank(picture: npt.NDArray[np.uint8]) -> None:
    try:
        prepared: Prepared = read(encode(picture))
    except BlankPictureError:
        return
    found = prepared.quality
    left, top, width, height = found.ink_box
    assert left >= 0
    assert top >= 0
    assert 0 < width <= prepared.width - left
    assert 0 < height <= prepared.height - top
    assert 0 <= found.contrast <= 1
    assert found.parts >= 1
    assert 0 < found.stroke_width_px <= 28
    assert set(found.warnings) <= set(WARNINGS)
