"""The inflated rows of a PNG → its pixels, plane by plane; one plane is enough for a picture without colour.

    rows ── planes ── colours equal, and opaque? ──▶ one of them ── filters undone ──▶ (H,W)
                  └── else ─────────────────────────▶ all ───────── filters undone ──▶ (H,W,3) or (H,W,4)

A browser's canvas is RGBA, even where a black pen drew on white. PNG's filters (specification, section 9) predict each byte
from its own channel alone, so planes that are equal before they are undone are equal after.

Two of the filters are sums along a row or a column, which are taken faster together than one by one in libpng; where a row
has another, a single plane goes to OpenCV as a grey PNG.
"""

from __future__ import annotations

import zlib
from struct import pack
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from service.images.headers import PNG_SIGNATURE

_SUB, _UP = 1, 2

# What a filter (0 to 4) leaves of a plane that is 255 all over: a row's first byte, and all others of it. In the first
# row, and then in those below a row of 255.
_FIRST_ROW: Final = np.array([(255, 255), (255, 0), (255, 255), (255, 128), (255, 0)], np.uint8)
_ROW_BELOW: Final = np.array([(255, 255), (255, 0), (0, 0), (128, 0), (0, 0)], np.uint8)


def pixels_of(raw: bytes, width: int, height: int, samples: int) -> npt.NDArray[np.uint8] | None:
    """The pixels: uint8 (H,W) where they show no colour, else (H,W,3) RGB or (H,W,4) RGBA.

    None: they do, and some row has a filter that is no sum, for which other decoders are faster.

    :param raw: inflated rows of 8-bit grey (`samples` 1), RGB (3) or RGBA (4), each behind its filter's number, 0 to 4.

    Black on nothing – a pen on a transparent canvas – gives its alpha as dark ink on white.
    """
    rows = np.frombuffer(raw, np.uint8).reshape(height, 1 + width * samples)
    filters, pixels = rows[:, 0], np.ascontiguousarray(rows[:, 1:]).reshape(height, width, samples)
    planes = [np.asarray(plane, np.uint8) for plane in cv2.split(pixels)]
    if samples == 1 or _is_grey(filters, planes):
        return _undone(filters, planes[0])
    if samples == 4 and not any(plane.any() for plane in planes[:3]):
        return _ink_in_alpha(_undone(filters, planes[3]))
    if filters.max() > _UP:
        return None
    return np.asarray(cv2.merge([_summed(filters, plane) for plane in planes]), np.uint8)


def summed_grey(raw: bytes, width: int, height: int) -> npt.NDArray[np.uint8] | None:
    """The pixels (H,W) of 8-bit grey whose rows all have the same filter, one that is a sum; None: they have not.

    So OpenCV writes them by itself, and for a small picture a sum over all of it takes a third of its decoder's time.

    :param raw: inflated rows, each behind its filter's number.
    """
    by = raw[0]
    if by > _UP or raw[:: 1 + width].count(by) != height:
        return None
    rows = np.frombuffer(raw, np.uint8).reshape(height, 1 + width)[:, 1:]
    return rows.copy() if not by else np.add.accumulate(rows, axis=1 if by == _SUB else 0, dtype=np.uint8)


def _is_grey(filters: npt.NDArray[np.uint8], planes: list[npt.NDArray[np.uint8]]) -> bool:
    red, green, blue, *alpha = planes
    equal = np.array_equal(red, green) and np.array_equal(green, blue)
    return equal and (not alpha or _is_opaque(filters, alpha[0]))


def _is_opaque(filters: npt.NDArray[np.uint8], alpha: npt.NDArray[np.uint8]) -> bool:
    """Whether filtered alpha (H,W) is what the filters (H) make of 255 all over."""
    expected = _ROW_BELOW[filters]
    expected[0] = _FIRST_ROW[filters[0]]
    return bool((alpha[:, 0] == expected[:, 0]).all() and (alpha[:, 1:] == expected[:, 1:]).all())


def _ink_in_alpha(alpha: npt.NDArray[np.uint8] | None) -> npt.NDArray[np.uint8] | None:
    """As `flatten.over_white` has it: alpha without a shape in it leaves what it covers, which is black here."""
    if alpha is None:
        return None
    low, high, _, _ = cv2.minMaxLoc(alpha)
    return np.zeros_like(alpha) if low == high else np.asarray(cv2.bitwise_not(alpha), np.uint8)


def _undone(filters: npt.NDArray[np.uint8], plane: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8] | None:
    """The pixels (H,W) of a plane whose rows were filtered so."""
    return _by_opencv(filters, plane) if filters.max() > _UP else _summed(filters, plane)


def _summed(filters: npt.NDArray[np.uint8], plane: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The same for filters 0 to 2; all sums are taken modulo 256."""
    by_row = filters == _SUB
    if by_row.all():
        return _summed_by_row(plane)
    pixels = plane.copy()
    if by_row.any():
        pixels[by_row] = _summed_by_row(pixels[by_row])
    by_column = np.flatnonzero(filters == _UP)
    for run in np.split(by_column, np.flatnonzero(np.diff(by_column) > 1) + 1):
        if run.size:  # with the row above it, if there is one
            rows = np.s_[max(run[0] - 1, 0) : run[-1] + 1]
            pixels[rows] = np.add.accumulate(pixels[rows], axis=0, dtype=np.uint8)
    return pixels


def _summed_by_row(rows: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Running sums from left to right: differences of OpenCV's integral picture, which takes a third of the time."""
    return np.asarray(np.diff(cv2.integral(rows), axis=0)[:, 1:], np.int32).astype(np.uint8)


def _by_opencv(filters: npt.NDArray[np.uint8], plane: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8] | None:
    """The same for filters of any kind: as a grey PNG, not compressed, through OpenCV."""
    height, width = plane.shape
    rows = np.empty((height, 1 + width), np.uint8)
    rows[:, 0] = filters
    rows[:, 1:] = plane
    header = _chunk(b"IHDR", pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    file = PNG_SIGNATURE + header + _chunk(b"IDAT", zlib.compress(rows.tobytes(), 0)) + _chunk(b"IEND", b"")
    picture = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_UNCHANGED)
    return None if picture is None else np.asarray(picture, np.uint8)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return pack(">I", len(content)) + kind + content + pack(">I", zlib.crc32(content, zlib.crc32(kind)))
