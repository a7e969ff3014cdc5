"""However the camera was held, the picture comes upright."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from PIL import Image, ImageOps

from service.images.decode import decode
from service.images.orientation import exif_orientation, upright
from tests.unit.images.drawings import draw
from tests.unit.images.encoded import encode

FOUR = draw(4, 60, 40)  # not its own mirror image, and not square


def exif(orientation: int) -> Image.Exif:
    block = Image.Exif()
    block[0x010E] = "a tag that comes before it"
    block[0x0112] = orientation
    return block


@pytest.mark.parametrize("orientation", range(1, 9))
def test_upright_agrees_with_pillow(orientation: int) -> None:
    image = Image.fromarray(FOUR)
    image.getexif()[0x0112] = orientation
    expected = ImageOps.exif_transpose(image)
    assert np.array_equal(upright(FOUR, orientation), np.asarray(expected))
    assert upright(FOUR, orientation).flags.c_contiguous


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WebP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_format_that_notes_it(file_format: str, orientation: int) -> None:
    options = {"lossless": True} if file_format == "WebP" else {"quality": 95} if file_format == "JPEG" else {}
    decoded = decode(encode(FOUR, file_format, exif=exif(orientation), **options))
    decoded = decoded if decoded.ndim == 2 else decoded[..., 0]
    expected = upright(FOUR, orientation)
    assert decoded.shape == expected.shape
    assert np.abs(decoded.astype(int) - expected).max() <= (16 if file_format == "JPEG" else 0)


def test_a_large_jpeg_is_turned_after_it_was_reduced() -> None:
    decoded = decode(encode(draw(4, 1200, 960), "JPEG", exif=exif(6)))
    assert decoded.shape == (240, 300)


def test_colour_is_turned_with_its_channels_in_place() -> None:
    picture = np.dstack([FOUR, np.zeros_like(FOUR), 255 - FOUR])
    assert np.array_equal(upright(picture, 6)[..., 2], upright(picture[..., 2], 6))


def block(order: str, orientation: int, directory: int = 8) -> bytes:
    head = (b"II*\x00" if order == "<" else b"MM\x00*") + struct.pack(order + "I", directory)
    return head + struct.pack(order + "HHHIHH", 1, 0x0112, 3, 1, orientation, 0)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("prefix", [b"", b"Exif\x00\x00"])
def test_both_byte_orders_with_and_without_the_prefix(order: str, prefix: bytes) -> None:
    assert exif_orientation(prefix + block(order, 7)) == 7


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"Exif\x00\x00",
        b"no EXIF at all",
        block("<", 0),
        block("<", 9),
        block("<", 65535),
        block(">", 3, directory=1_000_000),
        *[block("<", 6)[:length] for length in range(4, 20)],
    ],
)
def test_a_broken_note_is_no_note(broken: bytes) -> None:
    assert exif_orientation(broken) == 1
