"""Size and light: pictures of any kind, as small as they may be, and lit evenly.

Steps, each array → array. They may not know where the ink is; that is `ink.py`.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

# Detail beyond this is paid for and then averaged away: the digit ends up 20 pixels long.
WORKING_SIDE_PX: Final = 240

_GRID_PX: Final = 24
_FITS: Final = 4
_PAPER_DEVIATION_MAX_LEVELS: Final = 12.0
_PAPER_MIN: Final = 0.5  # of the picture
_LIGHT_RANGE_MIN_LEVELS: Final = 8.0
_LEVEL_LEVELS: Final = 2.0
_LEVEL_MIN: Final = 0.6  # of the picture


def _surface_terms() -> npt.NDArray[np.float32]:
    y, x = np.mgrid[-1 : 1 : _GRID_PX * 1j, -1 : 1 : _GRID_PX * 1j]
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y]).reshape(6, -1).T.astype(np.float32)


def _ring() -> npt.NDArray[np.bool_]:
    inside = np.zeros((_GRID_PX, _GRID_PX), bool)
    inside[2:-2, 2:-2] = True
    return ~inside.reshape(-1)


_TERMS: Final = _surface_terms()  # (576, 6)
_RING: Final = _ring()  # (576,)


def reduced(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Shrink (H,W) or (H,W,3) by a whole factor, block means, until the longer side has at most 240 pixels.

    A whole factor costs a quarter of an odd one; for it up to a factor's rows and columns at the end are left out.
    """
    height, width = picture.shape[:2]
    factor = -(-max(height, width) // WORKING_SIDE_PX)
    if factor <= 1:
        return picture
    size = max(1, width // factor), max(1, height // factor)
    whole = picture[: size[1] * factor, : size[0] * factor]
    return _uint8(cv2.resize(whole, size, interpolation=cv2.INTER_AREA))


def smoothly_lit(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Take out light that falls off across a photo: subtract a smooth surface fitted to the paper. uint8 (H,W) → same.

    The surface is a quadratic in x and y, fitted by least squares to a 24×24 version: first to its outer ring, which is
    mostly paper, then again to whatever lies within three standard deviations of the last fit (the deviation estimated
    as 1.4826 times the median residual, which ink does not disturb). It works for either polarity, and cannot follow a
    stroke however bold. A picture whose border or surface is level, as in most drawings, is returned as it is; so is one
    of which most has one level already, whatever else lies on it: that is no light falling off.
    """
    height, width = picture.shape
    border = np.sort(border_of(picture))
    if int(border[-1 - border.size // 8]) - int(border[border.size // 8]) < _LIGHT_RANGE_MIN_LEVELS:
        return picture
    values = cv2.resize(picture, (_GRID_PX, _GRID_PX), interpolation=cv2.INTER_AREA).reshape(-1).astype(np.float32)
    if np.count_nonzero(np.abs(values - np.median(values)) <= _LEVEL_LEVELS) > _LEVEL_MIN * values.size:
        return picture
    surface, paper = values, _RING
    for _ in range(_FITS):
        terms = _TERMS[paper]
        surface = _TERMS @ np.linalg.solve(terms.T @ terms, terms.T @ values[paper])
        residual = np.abs(values - surface)
        deviation = 1.4826 * float(np.median(residual[paper]))
        if deviation > _PAPER_DEVIATION_MAX_LEVELS:
            return picture
        paper = residual <= max(3 * deviation, 2.0)
        if np.count_nonzero(paper) < _PAPER_MIN * paper.size:
            return picture
    if np.ptp(surface) < _LIGHT_RANGE_MIN_LEVELS:
        return picture
    light = (surface - np.median(surface)).reshape(_GRID_PX, _GRID_PX)
    return _uint8(cv2.subtract(picture, cv2.resize(light, (width, height)), dtype=cv2.CV_8U))


def border_of(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The outermost rows and columns of (H,W), end to end."""
    return np.concatenate((picture[0], picture[-1], picture[:, 0], picture[:, -1]))


def _uint8(picture: cv2.typing.MatLike) -> npt.NDArray[np.uint8]:
    return np.asarray(picture, dtype=np.uint8)
