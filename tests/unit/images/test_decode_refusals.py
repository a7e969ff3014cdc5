"""What is not a whole picture of a sensible size is refused: by the right error, at once, and without a word on stderr."""

from __future__ import annotations

import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from service.errors import InputError, PayloadTooLargeError, UndecodablePictureError, UnsupportedMediaTypeError
from service.images.decode import decode
from service.images.limits import BYTES_PER_PIXEL, PictureLimits
from tests.unit.images.drawings import draw
from tests.unit.images.encoded import chunk, encode, header, png, rows

FIVE = draw(5, 64)
RGB = np.dstack([FIVE, FIVE, 255 - FIVE])
FILES = {
    "PNG, small": encode(draw(5, 28)),
    "PNG, RGB": encode(RGB),
    "PNG, large": encode(draw(5, 160)),
    "JPEG": encode(RGB, "JPEG"),
    "JPEG, progressive": encode(RGB, "JPEG", progressive=True),
    "GIF": encode(FIVE, "GIF"),
    "BMP": encode(RGB, "BMP"),
    "WebP": encode(RGB, "WebP"),
    "WebP, lossless": encode(RGB, "WebP", lossless=True),
    "TIFF": encode(RGB, "TIFF"),
    "TIFF, deflate": encode(RGB, "TIFF", compression="tiff_adobe_deflate"),
}


@pytest.mark.parametrize("data", [b"", b"hello", b"\x00" * 100, bytes(range(256)), b"BM", b"RIFF\x00\x00\x00\x00AVI "])
def test_what_is_no_picture_is_undecodable(data: bytes, silent: None) -> None:
    with pytest.raises(UndecodablePictureError):
        decode(data)


def test_an_empty_picture_is_called_empty() -> None:
    with pytest.raises(UndecodablePictureError, match="empty"):
        decode(b"")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("ICO", encode(FIVE, "ICO", sizes=[(32, 32)])),
        ("PPM", encode(RGB, "PPM")),
        ("PGM", encode(FIVE, "PPM")),
        ("AVIF", b"\x00\x00\x00\x1cftypavif" + b"\x00" * 40),
        ("HEIC", b"\x00\x00\x00\x18ftypheic" + b"\x00" * 40),
        ("JPEG 2000", encode(FIVE, "JPEG2000")),
        ("PSD", b"8BPS\x00\x01" + b"\x00" * 40),
        ("PDF", encode(RGB, "PDF")),
        ("SVG", b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>'),
        ("SVG", b"\xef\xbb\xbf  <SVG></SVG>"),
        ("HTML", b"\n<!doctype html><html></html>"),
        ("npy", b"\x93NUMPY\x01\x00" + b" " * 100),
    ],
)
def test_a_known_format_that_is_not_accepted_is_named(name: str, data: bytes, silent: None) -> None:
    with pytest.raises(UnsupportedMediaTypeError, match=rf"^{name} is not accepted; send PNG, JPEG"):
        decode(data)


@pytest.mark.parametrize("name", FILES)
def test_whatever_is_missing_at_the_end_no_half_picture_comes_out(name: str, silent: None) -> None:
    """At every length: refused, or every pixel there, since some formats end in bytes that hold none."""
    data = FILES[name]
    whole = decode(data)
    refused = 0
    for length in range(0, len(data), max(1, len(data) // 300)):
        try:
            decoded = decode(data[:length])
        except UndecodablePictureError:
            refused += 1
        else:
            assert np.array_equal(decoded, whole), f"{length} of {len(data)} bytes"
            assert length >= len(data) - 32, f"{length} of {len(data)} bytes were enough"
    assert refused


@pytest.mark.parametrize("name", FILES)
def test_half_a_file_is_refused(name: str, silent: None) -> None:
    data = FILES[name]
    with pytest.raises(UndecodablePictureError, match="cut short|damaged"):
        decode(data[: len(data) // 2])


def test_a_png_cut_short_says_so(silent: None) -> None:
    data = FILES["PNG, large"]
    with pytest.raises(UndecodablePictureError, match=rf"cut short: {len(data) - 20} bytes"):
        decode(data[:-20])


@pytest.mark.parametrize("name", ["JPEG", "GIF", "BMP", "WebP", "TIFF"])
def test_other_formats_cut_short_say_so_too(name: str, silent: None) -> None:
    data = FILES[name]
    with pytest.raises(UndecodablePictureError, match=f"^The {name} is cut short"):
        decode(data[: len(data) * 3 // 4])


def test_a_flipped_bit_in_a_png_is_noticed(silent: None) -> None:
    data = bytearray(FILES["PNG, small"])
    data[data.index(b"IDAT") + 20] ^= 4
    with pytest.raises(UndecodablePictureError, match="checksum"):
        decode(bytes(data))


GOOD_ROWS = rows(draw(5, 28))
WRONG_INSIDE = {
    "too few rows": zlib.compress(GOOD_ROWS[:400]),
    "half the stream": zlib.compress(GOOD_ROWS)[:40],
    "a wrong sum": zlib.compress(GOOD_ROWS)[:-1] + b"\x00",
    "no deflate stream": b"this is no deflate stream",
    "nothing": b"",
    "an unknown filter": zlib.compress(b"\x09" + GOOD_ROWS[1:]),
}


@pytest.mark.parametrize("name", WRONG_INSIDE)
def test_a_png_whose_checksums_are_right_and_whose_pixels_are_not(name: str, silent: None) -> None:
    with pytest.raises(UndecodablePictureError):
        decode(png(header(28, 28), chunk(b"IDAT", WRONG_INSIDE[name])))


def test_a_png_that_lacks_nothing_but_the_sum_of_its_pixels_is_read(silent: None) -> None:
    data = png(header(28, 28), chunk(b"IDAT", zlib.compress(GOOD_ROWS)[:-4]))
    assert np.array_equal(decode(data), draw(5, 28))


BAD_HEADERS = {
    "no width": header(0, 28),
    "no height": header(28, 0),
    "three bits": header(28, 28, depth=3),
    "colour type 5": header(28, 28, colour=5),
    "interlaced twice": header(28, 28, interlace=2),
    "another chunk first": chunk(b"IDAT", b"x" * 13),
    "a short header": chunk(b"IHDR", b"\x00" * 12),
}


@pytest.mark.parametrize("name", BAD_HEADERS)
def test_a_png_with_a_header_that_cannot_be(name: str, silent: None) -> None:
    with pytest.raises(UndecodablePictureError):
        decode(png(BAD_HEADERS[name], chunk(b"IDAT", zlib.compress(b"\x07" * 900))))


def jpeg_claiming(width: int, height: int) -> bytes:
    data = bytearray(encode(FIVE, "JPEG"))
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def bmp_claiming(width: int, height: int) -> bytes:
    data = bytearray(encode(FIVE, "BMP"))
    data[18:26] = struct.pack("<ii", width, height)
    return bytes(data)


def gif_claiming(width: int, height: int) -> bytes:
    data = bytearray(encode(FIVE, "GIF"))
    data[6:10] = struct.pack("<HH", width, height)
    return bytes(data)


def gif_frame_claiming(width: int, height: int) -> bytes:
    data = bytearray(encode(FIVE, "GIF"))
    frame = data.rindex(b"," + struct.pack("<HHHH", 0, 0, 64, 64))
    data[frame + 5 : frame + 9] = struct.pack("<HH", width, height)
    return bytes(data)


def webp_claiming(width: int, height: int) -> bytes:
    body = b"VP8X" + struct.pack("<I", 10) + b"\x00" * 4 + (width - 1).to_bytes(3, "little")
    body += (height - 1).to_bytes(3, "little") + encode(FIVE, "WebP")[12:]
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def tiff_claiming(width: int, height: int) -> bytes:
    data = bytearray(encode(FIVE, "TIFF"))
    for tag, value in ((256, width), (257, height)):
        entry = data.index(struct.pack("<HHI", tag, 4, 1)) if struct.pack("<HHI", tag, 4, 1) in data else -1
        if entry < 0:
            entry = data.index(struct.pack("<HHI", tag, 3, 1))
            data[entry + 2 : entry + 4] = struct.pack("<H", 4)
        data[entry + 8 : entry + 12] = struct.pack("<I", value)
    return bytes(data)


CLAIMS = {
    "PNG": lambda width, height: png(header(width, height), chunk(b"IDAT", zlib.compress(b""))),
    "JPEG": jpeg_claiming,
    "BMP": bmp_claiming,
    "GIF's screen": gif_claiming,
    "GIF's frame": gif_frame_claiming,
    "WebP": webp_claiming,
    "TIFF": tiff_claiming,
}


# 50,000² alarms Pillow to an error, 11,000² to a warning, 7,100² not at all; WebP's and JPEG's fields end at 65,535.
@pytest.mark.parametrize("side", [50_000, 11_000, 7_100])
@pytest.mark.parametrize("name", CLAIMS)
def test_more_pixels_than_allowed_are_refused_by_the_claim(name: str, side: int, silent: None) -> None:
    data = CLAIMS[name](side, side)
    tracemalloc.start()
    try:
        with pytest.raises(PayloadTooLargeError, match="pixels; at most"):
            decode(data)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 1_000_000


def test_where_pillow_has_a_limit_of_its_own_its_refusal_is_ours(silent: None) -> None:
    with pytest.raises(PayloadTooLargeError, match="more pixels than are accepted"):
        decode(tiff_claiming(50_000, 50_000), PictureLimits(max_pixels=10**10, max_decoding_bytes=10**12))


@pytest.mark.parametrize("name", FILES)
def test_the_limit_is_exact(name: str) -> None:
    height, width = decode(FILES[name]).shape[:2]
    decode(FILES[name], PictureLimits(max_pixels=width * height))
    with pytest.raises(PayloadTooLargeError, match=f"{width}×{height} pixels; at most"):
        decode(FILES[name], PictureLimits(max_pixels=width * height - 1))


def test_a_small_png_cannot_claim_a_large_picture_within_the_limit(silent: None) -> None:
    """Deflate's best ratio is 1,032 to 1: no need to allocate 49 MB to find out that 20 bytes are not enough."""
    with pytest.raises(UndecodablePictureError, match="cannot hold 7000×7000 pixels"):
        decode(png(header(7000, 7000), chunk(b"IDAT", zlib.compress(b"\x00" * 1000))))


def test_a_flat_picture_compressed_as_far_as_deflate_goes_is_read() -> None:
    flat = np.full((3000, 3000), 9, np.uint8)
    decoded = decode(encode(flat, compress_level=9))
    assert decoded.size
    assert (decoded == 9).all()


def test_a_jpeg_with_thousands_of_scans_is_refused(silent: None) -> None:
    progressive = FILES["JPEG, progressive"]
    last_scan = progressive[progressive.rindex(b"\xff\xda") : -2]
    assert decode(progressive[:-2] + last_scan * 3 + b"\xff\xd9").shape == RGB.shape
    with pytest.raises(PayloadTooLargeError, match="scans"):
        decode(progressive[:-2] + last_scan * 5000 + b"\xff\xd9")


def test_metadata_that_makes_pillow_warn_is_an_error_only_where_warnings_are(silent: None) -> None:
    """An animation chunk of no frames: Pillow warns, then shows the picture. Under pytest its warning is an error."""
    data = png(header(28, 28), chunk(b"acTL", struct.pack(">II", 0, 0)), chunk(b"IDAT", zlib.compress(GOOD_ROWS)))
    with pytest.raises(UndecodablePictureError):
        decode(data)


@settings(max_examples=150, deadline=None)
@given(name=st.sampled_from(sorted(FILES)), seed=st.integers(0, 2**32 - 1), changes=st.integers(1, 12))
def test_damage_anywhere_gives_a_picture_or_an_error_of_ours(name: str, seed: int, changes: int) -> None:
    data = bytearray(FILES[name])
    random = np.random.default_rng(seed)
    for _ in range(changes):
        data[int(random.integers(4, len(data)))] = int(random.integers(256))
    try:
        decoded = decode(bytes(data), PictureLimits(max_pixels=1_000_000))
    except InputError:
        pass
    else:
        assert decoded.dtype == np.uint8
        assert decoded.ndim in {2, 3}
        assert decoded.size


def test_pillow_s_own_limit_is_as_it_was() -> None:
    """Nothing here turns a global knob of Pillow's."""
    assert Image.MAX_IMAGE_PIXELS == 89478485


@pytest.mark.parametrize("name", FILES)
def test_memory_is_limited_by_format(name: str, silent: None) -> None:
    """A plain PNG of up to 2 MB inflated is decoded another way, which takes a few times that."""
    height, width = decode(FILES[name]).shape[:2]
    needed = height * width * BYTES_PER_PIXEL[name.split(",", maxsplit=1)[0]]
    assert decode(FILES[name], PictureLimits(max_decoding_bytes=needed)).size
    if name not in {"PNG, small", "PNG, RGB", "PNG, large"}:
        with pytest.raises(PayloadTooLargeError, match="as .* at most"):
            decode(FILES[name], PictureLimits(max_decoding_bytes=needed - 1))
