"""Arrays as files: by Pillow, and PNGs chunk by chunk, so that a test can break what it likes."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def encode(picture: npt.NDArray[Any] | Image.Image, file_format: str = "PNG", **options: Any) -> bytes:
    """The picture in a file of `file_format`, with Pillow's options for it."""
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    buffer = BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    """One chunk of a PNG with its length and checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def header(width: int, height: int, *, depth: int = 8, colour: int = 0, interlace: int = 0) -> bytes:
    """A PNG's IHDR chunk."""
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace))


def rows(picture: npt.NDArray[np.uint8]) -> bytes:
    """The raw data of a PNG: each row behind the number of its filter, 0."""
    return b"".join(b"\x00" + row.tobytes() for row in picture)


def png(ihdr: bytes, *chunks: bytes) -> bytes:
    """A PNG of a header, whatever comes between, and an end."""
    return SIGNATURE + ihdr + b"".join(chunks) + chunk(b"IEND", b"")


def filtered(picture: npt.NDArray[np.uint8], kinds: list[int]) -> bytes:
    """Raw PNG data with the given filter for each row (PNG specification, section 9)."""
    samples = 1 if picture.ndim == 2 else picture.shape[2]
    lines = picture.reshape(picture.shape[0], -1).astype(int)
    above = np.zeros_like(lines[0])
    raw = b""
    for line, kind in zip(lines, kinds, strict=True):
        left = np.concatenate((np.zeros(samples, int), line[:-samples]))[: line.size]
        corner = np.concatenate((np.zeros(samples, int), above[:-samples]))[: line.size]
        estimate = left + above - corner
        distances = np.abs(np.stack([estimate - left, estimate - above, estimate - corner]))
        paeth = np.choose(distances.argmin(axis=0), [left, above, corner])
        predicted = [np.zeros_like(line), left, above, (left + above) // 2, paeth][kind]
        raw += bytes([kind]) + ((line - predicted) % 256).astype(np.uint8).tobytes()
        above = line
    return raw
