"""Claims: which format, which size."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from PIL import Image

from service.images.headers import claimed_size, readable_format, unreadable_format
from service.images.jpeg import frame_of, has_more_scans_than
from tests.unit.images.encoded import encode

WIDE = np.arange(40 * 70, dtype=np.uint16).reshape(40, 70).astype(np.uint8)  # 70 wide, 40 high
RGB = np.dstack([WIDE, WIDE.T.reshape(40, 70), WIDE])
FILES = {
    "PNG": encode(WIDE),
    "JPEG": encode(RGB, "JPEG"),
    "GIF": encode(WIDE, "GIF"),
    "BMP": encode(RGB, "BMP"),
    "WebP": encode(RGB, "WebP"),
    "TIFF": encode(RGB, "TIFF"),
}


@pytest.mark.parametrize("name", FILES)
def test_formats_are_told_by_their_first_bytes(name: str) -> None:
    assert readable_format(FILES[name]) == name
    assert unreadable_format(FILES[name]) is None


@pytest.mark.parametrize("name", [name for name in FILES if name != "TIFF"])
def test_the_size_is_read_from_the_header(name: str) -> None:
    assert claimed_size(FILES[name], name) == (70, 40)


def test_a_tiff_claims_nothing_in_a_fixed_place() -> None:
    assert claimed_size(FILES["TIFF"], "TIFF") is None


@pytest.mark.parametrize("name", FILES)
def test_no_header_however_short_is_read_beyond_its_end(name: str) -> None:
    for length in range(80):
        assert claimed_size(FILES[name][:length], name) in {None, (70, 40)}


@pytest.mark.parametrize(
    "data",
    [
        encode(RGB, "WebP", lossless=True),
        encode(np.dstack([RGB, WIDE]), "WebP"),
        encode(Image.fromarray(RGB), "WebP", save_all=True, append_images=[Image.fromarray(255 - RGB)]),
    ],
    ids=["lossless", "with alpha", "animated"],
)
def test_all_kinds_of_webp(data: bytes) -> None:
    assert claimed_size(data, "WebP") == (70, 40)


def test_bitmaps_from_the_top_and_from_os2() -> None:
    from_the_top = bytearray(FILES["BMP"])
    from_the_top[22:26] = struct.pack("<i", -40)
    assert claimed_size(bytes(from_the_top), "BMP") == (70, 40)
    os2 = b"BM" + b"\x00" * 12 + struct.pack("<IHHHH", 12, 70, 40, 1, 24)
    assert claimed_size(os2, "BMP") == (70, 40)


def test_a_gif_is_as_large_as_its_first_frame_if_that_is_larger() -> None:
    data = encode(WIDE, "GIF", comment=b"a comment before the frame " * 20)
    frame = data.index(b"," + struct.pack("<HHHH", 0, 0, 70, 40))
    assert claimed_size(data[: frame + 1] + struct.pack("<HHHH", 5, 6, 300, 20) + data[frame + 9 :], "GIF") == (305, 40)


def test_a_jpeg_s_frame_is_found_behind_other_segments() -> None:
    data = encode(
        RGB, "JPEG", exif=b"Exif\x00\x00" + FILES["JPEG"], comment=b"\xff\xc0" * 50, icc_profile=b"\xff" * 999
    )
    assert claimed_size(data, "JPEG") == (70, 40)
    assert claimed_size(data[:2] + b"\xff\xff\xff" + data[2:], "JPEG") == (70, 40)  # fill bytes


@pytest.mark.parametrize(
    "data", [b"\xff\xd8\xff\xda" + b"\x00" * 40, b"\xff\xd8" + b"\x00" * 40, b"\xff\xd8\xff\xd9" * 9]
)
def test_a_jpeg_without_a_frame(data: bytes) -> None:
    assert frame_of(data) is None
    assert not has_more_scans_than(0, data)


def scans_in(data: bytes) -> int:
    return next(limit for limit in range(100) if not has_more_scans_than(limit, data))


def test_scans_are_counted() -> None:
    progressive = encode(RGB, "JPEG", progressive=True)
    assert scans_in(encode(WIDE, "JPEG")) == 1
    assert scans_in(encode(RGB, "JPEG")) == 1
    assert scans_in(progressive) == 10  # libjpeg's script for YCbCr
    assert scans_in(encode(WIDE, "JPEG", progressive=True)) == 6  # and for grey


def test_what_only_looks_like_a_scan_is_not_counted() -> None:
    """Thumbnails in front, and whatever phones append: a gain map, a film."""
    looks_like = b"\xff\xda" * 200
    thumbnail = b"Exif\x00\x00" + encode(RGB, "JPEG", progressive=True) + looks_like
    assert scans_in(encode(RGB, "JPEG", exif=thumbnail) + looks_like) == 1
    assert scans_in(encode(RGB, "JPEG", exif=thumbnail, progressive=True) + looks_like) == 10


def test_a_sequential_jpeg_with_a_scan_for_each_component_is_counted() -> None:
    data = encode(RGB, "JPEG")
    scan = data.index(b"\xff\xda")
    length = struct.unpack_from(">H", data, scan + 2)[0]
    one_component = struct.pack(">HB", 8, 1) + b"\x01\x00\x00\x3f\x00"
    body = b"\xff\xda" + one_component + data[scan + 2 + length : -2]
    assert scans_in(data[:scan] + body * 5 + b"\xff\xd9") == 5
