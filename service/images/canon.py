"""MNIST's canon: how a 28×28 digit looks to every model trained on it.

LeCun's description (http://yann.lecun.com/exdb/mnist/): the digit is scaled, keeping its aspect, to fit 20×20 pixels,
grey values coming from the anti-aliasing, and is placed in 28×28 pixels by its centre of mass. Measured over all 70,000
pictures: the longer side of the non-zero pixels is 20 (19 in sixteen of them), the brightest pixel 254 or 255, and the
centre of mass within [13.48, 14.50] of pixel 14, counted from 0, in both directions: the shift was by whole pixels.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

SIDE_PX: Final = 28
INK_SIDE_PX: Final = 20
CENTRE_PX: Final = 14

_INK_SIDES_PX: Final = (INK_SIDE_PX, INK_SIDE_PX - 1)
_PEAK_MIN: Final = 254
# Half a pixel, and a margin for the three whose rounding went the other way (the farthest lies at 0.5199).
_OFF_CENTRE_MAX_PX: Final = 0.525

# Rows: 1, y, x at every pixel. Times the picture they give its mass and its two moments in one product.
_MOMENTS: Final = np.stack(
    [np.ones((SIDE_PX, SIDE_PX)), *np.indices((SIDE_PX, SIDE_PX), dtype=float)], dtype=np.float32
).reshape(3, SIDE_PX * SIDE_PX)


def is_canonical(picture: npt.NDArray[np.uint8]) -> bool:
    """Whether uint8 (H,W) `picture` already is a 28×28 digit in MNIST's canon, white on black.

    True for all 70,000 pictures of MNIST. A digit that was drawn, photographed or resized passes only if somebody
    prepared it by the same rules.
    """
    if picture.shape != (SIDE_PX, SIDE_PX):
        return False
    _, _, width, height = cv2.boundingRect(picture)
    if max(width, height) not in _INK_SIDES_PX or cv2.minMaxLoc(picture)[1] < _PEAK_MIN:
        return False
    mass, moment_y, moment_x = np.dot(_MOMENTS, picture.reshape(-1).astype(np.float32)).tolist()
    tolerance = _OFF_CENTRE_MAX_PX * mass
    return abs(moment_y - CENTRE_PX * mass) <= tolerance and abs(moment_x - CENTRE_PX * mass) <= tolerance


def fitted(ink: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Scale light ink on black, cropped to its box, to a longer side of 20 pixels and a peak of 255.

    uint8 (H,W) → uint8 (h,w) with max(h,w) = 20. Every output pixel is the mean over its area, as in MNIST; ink smaller
    than 20 pixels is enlarged linearly.
    """
    height, width = ink.shape
    scale = INK_SIDE_PX / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(ink.astype(np.float32), size, interpolation=interpolation)
    # In float until here: a hair-thin stroke leaves peaks of a few levels, which would turn into steps.
    return np.rint(small * (255 / max(float(small.max()), 1e-6))).astype(np.uint8)


def centred(ink: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Place uint8 (h,w), at most 28×28, on black with its centre of mass on pixel (14, 14) → uint8 (28,28).

    By a whole-pixel shift. Where the mass lies so far to one side that ink would leave the picture, the ink stays whole.
    """
    height, width = ink.shape
    top = _offset(ink.sum(axis=1, dtype=np.float64), height)
    left = _offset(ink.sum(axis=0, dtype=np.float64), width)
    canvas = np.zeros((SIDE_PX, SIDE_PX), np.uint8)
    canvas[top : top + height, left : left + width] = ink
    return canvas


def _offset(mass: npt.NDArray[np.float64], length: int) -> int:
    centre = float(mass @ np.arange(length)) / max(float(mass.sum()), 1.0)
    return min(max(round(CENTRE_PX - centre), 0), SIDE_PX - length)
