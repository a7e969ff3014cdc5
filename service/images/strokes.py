"""Shapes that data sets and bold pens leave, brought nearer to MNIST's: steps on light ink on black, uint8 (H,W) → (h,w).

`thickened`, for hair-thin strokes, is in `ink.py`.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from service.images.ink import cropped

_STRETCHED_SIDE_MAX_PX: Final = 32
_ASPECT: Final = 0.7  # width by height: MNIST's digits other than 1 have 0.6 to 0.95
_COARSE_SIDE_MAX_PX: Final = 48
_FINER: Final = 8
_ROUNDED_PX: Final = 0.5
_STEEPER: Final = 3.0
_WIDTH_MAX: Final = 5.0 / 20  # of the ink's longer side; one in a hundred of MNIST's digits is bolder
_WIDTH: Final = 4.0 / 20


def unstretched(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Where a digit fills a small square from edge to edge, both ways: 0.7 as wide. Others stay.

    Nobody writes so. Some data sets (Semeion, for one) stretch each digit to their square, which loses its proportions;
    a slim digit is the better guess then. The picture also becomes eight times as large, so that nothing else is lost.
    """
    height, width = picture.shape
    if width != height or height > _STRETCHED_SIDE_MAX_PX:
        return picture
    if cv2.boundingRect(cv2.threshold(picture, 127, 255, cv2.THRESH_BINARY)[1])[2:] != (width, height):
        return picture
    size = max(1, round(width * _FINER * _ASPECT)), height * _FINER
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def thinned(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Narrow strokes as wide as a quarter of the digit to a fifth; others stay.

    So bold a pen closes the loops of a 4 or 8, and makes a bar of a 1. Ink of few pixels is first drawn larger with rounded
    edges, as a whole pixel is too much to take away from it. The width is twice what nine tenths of the ink lie within,
    by their distance to the paper.
    """
    width = stroke_width(picture)
    if width <= _WIDTH_MAX * max(picture.shape):
        return picture
    if max(picture.shape) <= _COARSE_SIDE_MAX_PX:
        picture = rounded(picture)
        width = stroke_width(picture)
    excess_px = round(width - _WIDTH * max(picture.shape))
    if excess_px < 2:
        return picture
    pen = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (excess_px | 1, excess_px | 1))
    narrow = np.asarray(cv2.erode(_framed(picture, 1), pen, borderType=cv2.BORDER_CONSTANT, borderValue=(0,)), np.uint8)
    return cropped(narrow) if (narrow > 127).any() else picture


def rounded(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Eight times as large, the corners of its pixels rounded, its edges as steep as before; a lone pixel stays."""
    height, width = picture.shape
    size = (width + 2) * _FINER, (height + 2) * _FINER
    large = cv2.resize(_framed(picture, 1).astype(np.float32), size, interpolation=cv2.INTER_CUBIC)
    soft = cv2.GaussianBlur(large, (0, 0), _ROUNDED_PX * _FINER)
    sharp = np.clip((soft - 127.5) * _STEEPER + 127.5, 0, 255).astype(np.uint8)
    return cropped(sharp) if (sharp > 127).any() else picture


def stroke_width(picture: npt.NDArray[np.uint8]) -> float:
    """Of light strokes on black, in pixels; 0.0 where nothing is light."""
    mask = cv2.threshold(_framed(picture, 1), 127, 255, cv2.THRESH_BINARY)[1]
    depth = cv2.distanceTransform(mask, cv2.DIST_L2, 3)
    inside = depth[depth > 0]
    if not inside.size:
        return 0.0
    deep = inside.size * 9 // 10
    return 2 * float(np.partition(inside, deep)[deep]) / 0.9 - 1


def _framed(picture: npt.NDArray[np.uint8], by_px: int) -> npt.NDArray[np.uint8]:
    return np.asarray(cv2.copyMakeBorder(picture, by_px, by_px, by_px, by_px, cv2.BORDER_CONSTANT), np.uint8)
