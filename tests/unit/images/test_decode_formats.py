"""Every accepted format, in every kind of pixel it can hold, gives the picture that was put in."""

from __future__ import annotations

import sys
import threading
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from service.images.decode import decode
from tests.unit.images.drawings import DIGITS, coloured, draw
from tests.unit.images.encoded import chunk, encode, header, png, rows

pytestmark = pytest.mark.usefixtures("silent")

SEVEN = draw(7, 60, 48)
LOSSLESS: dict[str, dict[str, Any]] = {
    "PNG": {},
    "BMP": {},
    "GIF": {},
    "TIFF": {},
    "WebP": {"lossless": True},
}


def difference(one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8]) -> int:
    """The largest, over all pixels, in grey levels; grey and RGB may be compared."""
    if one.ndim != other.ndim:
        one, other = (picture if picture.ndim == 3 else picture[..., None] for picture in (one, other))
    return int(np.abs(one.astype(int) - other.astype(int)).max())


@pytest.mark.parametrize("file_format", LOSSLESS)
def test_a_lossless_format_gives_every_pixel_back(file_format: str) -> None:
    decoded = decode(encode(SEVEN, file_format, **LOSSLESS[file_format]))
    assert decoded.dtype == np.uint8
    assert difference(decoded, SEVEN) == 0


def test_jpeg_gives_the_pixels_back_within_its_loss() -> None:
    decoded = decode(encode(SEVEN, "JPEG", quality=95))
    assert decoded.shape == SEVEN.shape
    assert difference(decoded, SEVEN) <= 16


@pytest.mark.parametrize("file_format", ["PNG", "BMP", "TIFF", "WebP"])
def test_colours_come_as_red_green_blue(file_format: str) -> None:
    picture = coloured(SEVEN, ink=(200, 30, 10), paper=(240, 220, 90))
    decoded = decode(encode(picture, file_format, **LOSSLESS[file_format]))
    assert np.array_equal(decoded, picture)


def test_grey_files_give_two_axes_and_colour_files_three() -> None:
    assert decode(encode(SEVEN)).ndim == 2
    assert decode(encode(SEVEN, "JPEG")).ndim == 2
    assert decode(encode(coloured(SEVEN, (0, 0, 0), (255, 255, 255)))).shape == (60, 48, 3)


def test_a_memoryview_is_as_good_as_bytes() -> None:
    data = encode(SEVEN)
    assert np.array_equal(decode(memoryview(b"--" + data)[2:]), SEVEN)


@pytest.mark.parametrize("file_format", ["PNG", "TIFF", "BMP"])
def test_one_bit(file_format: str) -> None:
    black_and_white = Image.fromarray(SEVEN).point(lambda level: 255 * (level > 127)).convert("1")
    assert difference(decode(encode(black_and_white, file_format)), np.where(SEVEN > 127, 255, 0).astype(np.uint8)) == 0


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_a_png_of_few_bits_spans_black_to_white(depth: int) -> None:
    levels = np.arange(2**depth, dtype=np.uint8)
    packed = np.packbits(np.unpackbits(levels[:, None], axis=1)[:, -depth:].reshape(-1)).tobytes()
    ihdr = header(levels.size, 1, depth=depth)
    decoded = decode(png(ihdr, chunk(b"IDAT", zlib.compress(b"\x00" + packed))))
    assert decoded.tolist() == [(levels * (255 // (2**depth - 1))).tolist()]


@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_to_eight(file_format: str) -> None:
    wide = SEVEN.astype(np.uint16) * 257
    assert np.array_equal(decode(encode(wide, file_format)), SEVEN)


def test_twelve_bits_in_sixteen_are_stretched() -> None:
    narrow = SEVEN.astype(np.uint16) * 16
    assert difference(decode(encode(narrow)), SEVEN) <= 1


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_wide_integers_and_floats_are_stretched(dtype: type) -> None:
    values: npt.NDArray[Any] = SEVEN.astype(dtype) * 3 - 100
    assert difference(decode(encode(values, "TIFF")), SEVEN) <= 1


def test_a_palette_is_looked_up() -> None:
    picture = coloured(np.where(SEVEN > 127, 255, 0).astype(np.uint8), ink=(200, 30, 10), paper=(240, 220, 90))
    with_palette = Image.fromarray(picture).quantize(4)
    assert with_palette.mode == "P"
    for file_format in ("PNG", "GIF", "BMP", "TIFF"):
        assert difference(decode(encode(with_palette, file_format)), picture) <= 2


@pytest.mark.parametrize("file_format", ["JPEG", "TIFF"])
def test_cmyk_becomes_rgb(file_format: str) -> None:
    cmyk = Image.fromarray(coloured(SEVEN, (0, 0, 0), (255, 255, 255))).convert("CMYK")
    assert difference(decode(encode(cmyk, file_format)), SEVEN) <= 32  # JPEG's default quality


def test_lab_gives_its_lightness() -> None:
    lab = Image.merge("LAB", [Image.fromarray(SEVEN), *[Image.new("L", (48, 60), 128)] * 2])
    assert np.array_equal(decode(encode(lab, "TIFF")), SEVEN)


@pytest.mark.parametrize("file_format", ["PNG", "WebP", "TIFF"])
def test_transparency_is_laid_over_white(file_format: str) -> None:
    picture = coloured(SEVEN, ink=(0, 0, 0), paper=(90, 160, 240))
    rgba = np.dstack([picture, np.full(SEVEN.shape, 255, np.uint8)])
    rgba[:10] = (1, 2, 3, 0)  # a transparent strip, whatever colour it hides
    options = LOSSLESS[file_format] | ({"exact": True} if file_format == "WebP" else {})
    decoded = decode(encode(rgba, file_format, **options))
    assert (decoded[:10] == 255).all()
    assert np.array_equal(decoded[10:], picture[10:])


@pytest.mark.parametrize("side", [60, 200])  # decoded by OpenCV, by Pillow
@pytest.mark.parametrize("pen", [(0, 0, 0), (255, 255, 255), (255, 40, 40)])
def test_where_alpha_holds_the_shape_it_becomes_dark_ink(pen: tuple[int, int, int], side: int) -> None:
    """What a browser's canvas gives when nothing but a pen has touched it."""
    shape = 255 - draw(4, side)
    rgba = np.dstack([np.where(shape[..., None] > 0, np.array(pen, np.uint8), np.uint8(0)), shape])
    assert np.array_equal(decode(encode(rgba)), 255 - shape)


def test_a_transparent_colour_of_a_palette() -> None:
    indices = Image.fromarray((SEVEN < 128).astype(np.uint8)).convert("P")
    indices.putpalette([255, 0, 0, 20, 20, 20])
    for file_format in ("PNG", "GIF"):
        decoded = decode(encode(indices, file_format, transparency=0))
        assert decoded.min() <= 20
        assert decoded.max() == 255


def test_the_first_frame_of_a_gif_and_the_first_page_of_a_tiff() -> None:
    first, *others = [Image.fromarray(draw(digit, 40)) for digit in (3, 4, 5)]
    for file_format in ("GIF", "TIFF", "PNG", "WebP"):
        lossless = LOSSLESS[file_format]
        data = encode(first, file_format, save_all=True, append_images=others, **lossless)
        assert difference(decode(data), np.asarray(first)) == 0


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("side", [28, 130])
def test_an_interlaced_png(side: int, interlaced: bool) -> None:
    """Adam7 of a single colour: all passes hold the same, so that it can be written without an encoder for it."""
    level = 77
    passes = [(8, 8, 0, 0), (8, 8, 4, 0), (4, 8, 0, 4), (4, 4, 2, 0), (2, 4, 0, 2), (2, 2, 1, 0), (1, 2, 0, 1)]
    raw = b""
    for across, down, left, top in passes if interlaced else [(1, 1, 0, 0)]:
        columns, lines = len(range(left, side, across)), len(range(top, side, down))
        raw += (b"\x00" + bytes([level]) * columns) * lines
    data = png(header(side, side, interlace=int(interlaced)), chunk(b"IDAT", zlib.compress(raw)))
    assert np.array_equal(decode(data), np.full((side, side), level, np.uint8))


def test_a_progressive_jpeg() -> None:
    assert difference(decode(encode(SEVEN, "JPEG", quality=95, progressive=True)), SEVEN) <= 16


@pytest.mark.parametrize(("file_format", "factor"), [("JPEG", 4), ("PNG", 6), ("GIF", 6), ("BMP", 6), ("TIFF", 6)])
def test_a_large_picture_comes_reduced_and_looks_the_same(file_format: str, factor: int) -> None:
    """By whole factors; a JPEG by 2, 4 or 8, in its decoder."""
    large = draw(2, 1920, 1536)
    decoded = decode(encode(large, file_format, **({"quality": 90} if file_format == "JPEG" else {})))
    decoded = decoded if decoded.ndim == 2 else decoded[..., 0]
    means = large.reshape(1920 // factor, factor, 1536 // factor, factor).mean(axis=(1, 3))
    assert decoded.shape == means.shape
    assert np.abs(decoded - means).mean() < 2


def test_a_large_transparent_picture_comes_reduced_over_white() -> None:
    rgba = np.zeros((1000, 1000, 4), np.uint8)
    rgba[300:700, 300:500] = (200, 0, 0, 255)
    rgba[300:700, 500:700] = (0, 0, 200, 255)
    decoded = decode(encode(rgba))
    assert decoded.shape == (250, 250, 3)
    assert decoded[10, 10].tolist() == [255, 255, 255]
    assert decoded[100, 100].tolist() == [200, 0, 0]
    assert decoded[100, 160].tolist() == [0, 0, 200]


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "group4"])
def test_tiff_compressions(compression: str) -> None:
    black_and_white = Image.fromarray(SEVEN).point(lambda level: 255 * (level > 127)).convert("1")
    decoded = decode(encode(black_and_white, "TIFF", compression=compression))
    assert np.array_equal(decoded > 127, SEVEN > 127)


def test_a_comment_in_a_png_is_no_exif() -> None:
    data = png(
        header(48, 60),
        chunk(b"zTXt", b"exif\x00\x00" + zlib.compress(b"hello")),
        chunk(b"IDAT", zlib.compress(rows(SEVEN))),
    )
    assert np.array_equal(decode(data), SEVEN)


def test_many_threads_decode_at_once() -> None:
    """Each its own digits, in four formats, through both libraries: none sees another's pixels."""
    pictures = {digit: draw(digit, 150) for digit in DIGITS}
    files = [
        (digit, encode(picture, file_format, **LOSSLESS[file_format]))
        for digit, picture in pictures.items()
        for file_format in ("PNG", "TIFF", "WebP", "BMP")
    ]
    wrong: list[int] = []

    def work(offset: int) -> None:
        for turn in range(len(files)):
            digit, data = files[(turn + offset) % len(files)]
            if difference(decode(data), pictures[digit]):
                wrong.append(digit)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=work, args=(5 * number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert wrong == []
