"""Planes of a PNG: the same pixels as Pillow sees, whatever the filters, and one plane where there is no colour."""

from __future__ import annotations

import zlib
from io import BytesIO

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from service.errors import UndecodablePictureError
from service.images.decode import decode
from service.images.flatten import over_white
from service.images.png_planes import pixels_of, summed_grey
from tests.unit.images.drawings import coloured, draw
from tests.unit.images.encoded import chunk, encode, filtered, header, png

ANY, SUMS = range(5), range(3)


def read(picture: npt.NDArray[np.uint8], kinds: list[int]) -> npt.NDArray[np.uint8] | None:
    """The picture behind filters of these kinds, and back."""
    height, width, samples = picture.shape if picture.ndim == 3 else (*picture.shape, 1)
    return pixels_of(filtered(picture, kinds), width, height, samples)


def sides() -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(st.integers(1, 20), st.integers(1, 20))


@given(data=st.data(), samples=st.sampled_from([3, 4]), filters=st.sampled_from([ANY, SUMS]))
def test_colours_are_as_they_were(data: st.DataObject, samples: int, filters: range) -> None:
    picture = data.draw(arrays(np.uint8, (*data.draw(sides()), samples)))
    picture[0, 0, :3] = (1, 2, 3)
    kinds = data.draw(st.lists(st.sampled_from(filters), min_size=len(picture), max_size=len(picture)))
    found = read(picture, kinds)
    if max(kinds) > 2:
        assert found is None
    else:
        assert found is not None
        assert np.array_equal(found, picture)


@given(data=st.data(), samples=st.sampled_from([1, 3, 4]), filters=st.sampled_from([ANY, SUMS, [1], [2]]))
def test_without_colour_it_is_one_plane(data: st.DataObject, samples: int, filters: range) -> None:
    grey = data.draw(arrays(np.uint8, data.draw(sides())))
    picture = grey if samples == 1 else cv2.merge([grey] * 3 + [np.full_like(grey, 255)] * (samples - 3))
    kinds = data.draw(st.lists(st.sampled_from(filters), min_size=len(grey), max_size=len(grey)))
    found = read(np.asarray(picture, np.uint8).reshape(*grey.shape, samples), kinds)
    assert found is not None
    assert np.array_equal(found, grey)


@given(data=st.data(), kind=st.sampled_from([0, 1, 2]))
def test_grey_behind_one_sum_is_as_it_was(data: st.DataObject, kind: int) -> None:
    height, width = data.draw(sides())
    grey = data.draw(arrays(np.uint8, (height, width, 1)))
    pixels = summed_grey(filtered(grey, [kind] * height), width, height)
    assert pixels is not None
    assert pixels.dtype == np.uint8
    assert pixels.flags.c_contiguous
    np.testing.assert_array_equal(pixels, grey[..., 0])


@pytest.mark.parametrize("kinds", [[1, 1, 2], [0, 1, 1], [3, 3, 3], [4, 4, 4]])
def test_grey_behind_several_filters_or_none_that_is_a_sum_is_for_others(kinds: list[int]) -> None:
    grey = np.arange(15, dtype=np.uint8).reshape(3, 5, 1)
    assert summed_grey(filtered(grey, kinds), 5, 3) is None


@given(data=st.data())
def test_black_on_nothing_is_its_alpha(data: st.DataObject) -> None:
    alpha = data.draw(arrays(np.uint8, data.draw(sides())))
    kinds = data.draw(st.lists(st.sampled_from(ANY), min_size=len(alpha), max_size=len(alpha)))
    picture = np.asarray(cv2.merge([np.zeros_like(alpha)] * 3 + [alpha]), np.uint8)
    found = read(picture, kinds)
    expected = over_white(picture)
    assert found is not None
    assert np.array_equal(found, expected if expected.ndim == 2 else expected[..., 0])


def test_grey_that_is_partly_transparent_keeps_its_alpha() -> None:
    picture = np.full((30, 30, 4), 200, np.uint8)
    picture[10:20] = 90
    found = read(picture, [1] * 30)
    assert found is not None
    assert np.array_equal(found, picture)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
@pytest.mark.parametrize("level", [1, 9])
def test_a_drawing_is_decoded_as_by_pillow(mode: str, level: int) -> None:
    for drawing in (draw(5), coloured(draw(5), (20, 30, 120), (250, 245, 240))):
        data = encode(Image.fromarray(drawing).convert(mode), compress_level=level)
        with Image.open(BytesIO(data)) as picture:
            expected = np.asarray(picture.convert("L" if drawing.ndim == 2 or mode == "L" else "RGB"))
        assert np.array_equal(decode(data), expected)


def test_pictures_that_are_cut_short_inside_go_to_pillow() -> None:
    """The rows end early: what the header says is not there, and Pillow is the one to say so."""
    rows = zlib.compress(filtered(draw(5), [1] * 280)[:-300])
    with pytest.raises(UndecodablePictureError):
        decode(png(header(280, 280), chunk(b"IDAT", rows)))
