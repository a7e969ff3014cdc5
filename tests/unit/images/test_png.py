"""The fast path: which PNGs OpenCV gets, and that it sees the same pixels in them as Pillow."""

from __future__ import annotations

import zlib
from io import BytesIO
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from service.images import png as fast
from service.images.limits import DEFAULT_LIMITS
from tests.unit.images.drawings import draw
from tests.unit.images.encoded import chunk, encode, filtered, header, png, rows

EIGHT = draw(8, 28)


def decode_fast(data: bytes) -> npt.NDArray[np.uint8] | None:
    return fast.decode_fast(data, fast.check(data, DEFAULT_LIMITS))


def decode_pillow(data: bytes) -> npt.NDArray[np.uint8]:
    with Image.open(BytesIO(data)) as picture:
        return np.asarray(picture)


@given(data=st.data(), samples=st.sampled_from([1, 3, 4]))
def test_opencv_and_pillow_see_the_same_pixels(data: st.DataObject, samples: int) -> None:
    """Any pixels, any size, any filter on any row."""
    height, width = data.draw(st.tuples(st.integers(1, 24), st.integers(1, 24)), "size")
    shape = (height, width) if samples == 1 else (height, width, samples)
    picture = data.draw(arrays(np.uint8, shape), "picture")
    kinds = data.draw(st.lists(st.integers(0, 4), min_size=height, max_size=height), "filters")
    colour = {1: 0, 3: 2, 4: 6}[samples]
    file = png(header(width, height, colour=colour), chunk(b"IDAT", zlib.compress(filtered(picture, kinds))))
    decoded = decode_fast(file)
    assert decoded is not None
    assert np.array_equal(decoded, picture)
    assert np.array_equal(decode_pillow(file), picture)


@pytest.mark.parametrize("pieces", [1, 2, 7])
def test_pixel_data_in_several_chunks(pieces: int) -> None:
    data = zlib.compress(rows(EIGHT))
    cuts = [len(data) * piece // pieces for piece in range(pieces + 1)]
    parts = [chunk(b"IDAT", data[start:stop]) for start, stop in pairwise(cuts)]
    decoded = decode_fast(png(header(28, 28), *parts))
    assert decoded is not None
    assert np.array_equal(decoded, EIGHT)


@pytest.mark.parametrize(
    "inert", [chunk(b"gAMA", b"\x00\x00\xb1\x8f"), chunk(b"sRGB", b"\x00"), chunk(b"tEXt", b"Title\x00a digit")]
)
def test_chunks_that_change_no_pixel_keep_a_picture_on_the_fast_path(inert: bytes) -> None:
    file = png(header(28, 28), inert, chunk(b"IDAT", zlib.compress(rows(EIGHT))))
    decoded = decode_fast(file)
    assert decoded is not None
    assert np.array_equal(decoded, EIGHT)
    assert np.array_equal(decode_pillow(file), EIGHT)


@pytest.mark.parametrize(
    ("why", "data"),
    [
        ("so large that it should be reduced", encode(draw(8, 480))),
        ("a palette", encode(Image.fromarray(EIGHT).convert("P"))),
        ("grey with alpha", encode(np.dstack([EIGHT, EIGHT]))),
        ("16 bits", encode(EIGHT.astype(np.uint16) * 257)),
        ("one bit", encode(Image.fromarray(EIGHT).convert("1"))),
        ("a transparent colour", encode(EIGHT, transparency=255)),
        ("EXIF", encode(EIGHT, exif=Image.Exif())),
        ("a colour profile", encode(EIGHT, icc_profile=b"not one")),
        ("animation", encode(Image.fromarray(EIGHT), save_all=True, append_images=[Image.fromarray(255 - EIGHT)])),
        ("interlace", png(header(1, 1, interlace=1), chunk(b"IDAT", zlib.compress(b"\x00\x07")))),
    ],
)
def test_what_is_not_plain_or_large_is_left_to_pillow(why: str, data: bytes) -> None:
    if why == "EXIF":  # Pillow writes no empty block
        data = png(header(28, 28), chunk(b"eXIf", b"II*\x00"), chunk(b"IDAT", zlib.compress(rows(EIGHT))))
    assert decode_fast(data) is None


def test_bytes_behind_the_end_are_no_part_of_the_picture() -> None:
    decoded = decode_fast(encode(EIGHT) + b"and a tail")
    assert decoded is not None
    assert np.array_equal(decoded, EIGHT)
