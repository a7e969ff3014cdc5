"""Bytes in, canon out; and which pictures are heavy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from service.errors import BlankPictureError, InputError, PayloadTooLargeError, UndecodablePictureError
from service.images import PictureLimits, is_heavy, read_picture
from service.images.prepare import prepare
from tests.unit.images.drawings import DIGITS, draw
from tests.unit.images.encoded import chunk, encode, header, png

ROOT = Path(__file__).resolve().parents[3]
LOSSLESS = {"PNG": {}, "GIF": {}, "BMP": {}, "WebP": {"lossless": True}, "TIFF": {}}


@pytest.mark.parametrize("file_format", LOSSLESS)
@pytest.mark.parametrize("digit", DIGITS)
def test_the_format_makes_no_difference(digit: int, file_format: str) -> None:
    picture = draw(digit, 90)
    data = encode(picture, file_format, **LOSSLESS[file_format])
    assert np.array_equal(read_picture(data), prepare(picture))


@pytest.mark.parametrize("file_format", LOSSLESS)
@pytest.mark.parametrize("digit", DIGITS)
def test_canonical_input_is_untouched_in_every_lossless_format(digit: int, file_format: str) -> None:
    canonical = prepare(draw(digit, 280))
    data = encode(canonical[..., 0], file_format, **LOSSLESS[file_format])
    assert np.array_equal(read_picture(data), canonical)


@pytest.mark.parametrize("digit", DIGITS)
def test_a_jpeg_of_a_drawing_comes_out_nearly_the_same(digit: int) -> None:
    picture = draw(digit, 280)
    assert np.abs(read_picture(encode(picture, "JPEG")).astype(int) - prepare(picture)).mean() < 4


def test_a_pen_on_a_transparent_canvas_is_read_whatever_its_colour() -> None:
    shape = 255 - draw(5, 280)
    expected = prepare(255 - shape)
    for pen in (0, 255):
        rgba = np.dstack([np.full((*shape.shape, 3), pen, np.uint8), shape])
        assert np.array_equal(read_picture(encode(rgba)), expected)


def test_limits_are_passed_on() -> None:
    data = encode(draw(5, 90))
    with pytest.raises(PayloadTooLargeError):
        read_picture(data, PictureLimits(max_pixels=8000))


def test_each_failure_keeps_its_kind() -> None:
    with pytest.raises(UndecodablePictureError):
        read_picture(b"")
    with pytest.raises(BlankPictureError):
        read_picture(encode(np.full((50, 50), 255, np.uint8)))


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "GIF", "BMP", "WebP"])
def test_small_pictures_are_light(file_format: str) -> None:
    assert not is_heavy(encode(draw(5, 28), file_format))
    assert not is_heavy(encode(draw(5, 100), file_format))


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "GIF", "BMP", "WebP", "TIFF"])
def test_large_pictures_are_heavy(file_format: str) -> None:
    assert is_heavy(encode(draw(5, 600), file_format))


def test_a_few_bytes_that_claim_much_are_heavy() -> None:
    assert is_heavy(png(header(4000, 4000), chunk(b"IDAT", b"")))


def test_a_size_that_is_not_told_is_heavy() -> None:
    assert is_heavy(encode(draw(5, 28), "TIFF"))
    assert is_heavy(encode(draw(5, 28), "JPEG")[:30])


def test_many_bytes_are_heavy_whatever_they_claim() -> None:
    assert is_heavy(png(header(28, 28), chunk(b"tEXt", b"x" * 40_000)))


@pytest.mark.parametrize("data", [b"", b"hello", b"%PDF-1.7", b"<svg></svg>"])
def test_what_is_refused_at_once_is_light(data: bytes) -> None:
    assert not is_heavy(data)
    with pytest.raises(InputError):
        read_picture(data)


def test_importing_it_loads_no_framework_and_starts_no_thread() -> None:
    """A worker starts with this import; and reading small pictures must not leave OpenCV's threads spinning."""
    code = """
import sys, threading, pathlib
import service.images
from tests.unit.images.drawings import draw
from tests.unit.images.encoded import encode
import cv2
tasks = lambda: len(list(pathlib.Path('/proc/self/task').iterdir()))
cv2.setNumThreads(1)
service.images.read_picture(encode(draw(5, 280)))
before = tasks()
for side in (20, 28, 100, 280):
    service.images.read_picture(encode(draw(5, side)))
heavy = {'tensorflow', 'keras', 'flask', 'scipy', 'sklearn', 'matplotlib', 'asyncio'} & set(sys.modules)
print(sorted(heavy), tasks() - before, threading.active_count())
"""
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.stderr == ""
    assert ran.stdout.split() == ["[]", "0", "1"]
