"""Uneven light: a lamp that falls off, a shadow with an edge, a strip of table beside the paper.

`evenly_lit` chooses between two ways of taking it out. `smoothly_lit` (in `light.py`) can do no harm to the ink, and does
not follow edges; `locally_lit` follows them, and would take the middle out of strokes as wide as its window.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from service.images.light import border_of, smoothly_lit
from service.images.polarity import light_ink
from service.images.split import ink_of

_SIDE_MIN_PX: Final = 40
_BORDER_INK_MAX: Final = 0.02
_BORDER_INK_GAIN_MAX: Final = 1 / 3

_WINDOW: Final = 0.4  # of the shorter side
_DARK_LEVELS: Final = 8.0  # keeps the noise of black from counting as light
_LEVELS_PER_NEPER: Final = 60.0
_MID_LEVEL: Final = 128.0

_TAKEN_MIN: Final = 0.1  # of a stroke's area
_AS_LIGHT: Final = 0.12  # of the contrast

_LOGARITHMS: Final = np.log(np.arange(256, dtype=np.float32) + _DARK_LEVELS) * np.float32(_LEVELS_PER_NEPER)


def evenly_lit(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Take uneven light out of a photo, uint8 (H,W) → same; the picture itself where there is none.

    By a smooth surface, unless ink then seems to lie on the border, as shadows and tables do and digits seldom, and
    local light leaves less than a third of it there. That is not believed where it thins out strokes: a crop as tight
    as the digit has ink on its border, too.
    """
    smooth = smoothly_lit(picture)
    if min(picture.shape) < _SIDE_MIN_PX:
        return smooth
    light = light_ink(smooth)
    ink = ink_of(light)
    at_border = _share(border_of(ink))
    if at_border <= _BORDER_INK_MAX:
        return smooth
    local = locally_lit(picture)
    local_light = light_ink(local)
    local_ink = ink_of(local_light)
    if _share(border_of(local_ink)) >= _BORDER_INK_GAIN_MAX * at_border:
        return smooth
    same_polarity = (light is smooth) == (local_light is local)
    return smooth if same_polarity and _thins_strokes(light, ink, local_ink) else local


def locally_lit(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Every pixel by its ratio to the median around it: 128 + 60 ln(ratio), clipped. uint8 (H,W) → same.

    The median is the paper's level wherever strokes cover less than half of the window, which is 0.4 of the shorter side;
    it keeps the edge of a shadow sharp. Light multiplies what the paper reflects, so that a ratio undoes it, in shadow
    as in the sun; its logarithm treats dark ink and light ink alike. A picture 640 pixels or more on its shorter side
    is too large for OpenCV's median; those of working size are less than half of that.
    """
    window = max(3, round(_WINDOW * min(picture.shape)) | 1)
    half = min(window // 2, min(picture.shape) - 1)
    padded = cv2.copyMakeBorder(picture, half, half, half, half, cv2.BORDER_REFLECT_101)
    height, width = picture.shape
    paper = cv2.medianBlur(padded, window)[half : half + height, half : half + width]
    levels = _LOGARITHMS[picture] - _LOGARITHMS[paper] + np.float32(_MID_LEVEL)
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)


def _thins_strokes(light: npt.NDArray[np.uint8], ink: npt.NDArray[np.uint8], local_ink: npt.NDArray[np.uint8]) -> bool:
    """Whether what local light takes away from `ink` is part of the stroke that it leaves: joined to it, and as light."""
    _, labels = cv2.connectedComponents(ink, connectivity=8)
    left = np.logical_and(ink, local_ink)
    by_part = np.bincount(labels[left])
    if not by_part.size:
        return True
    stroke = labels == int(np.argmax(by_part))
    taken = stroke & ~left
    if np.count_nonzero(taken) < _TAKEN_MIN * np.count_nonzero(stroke):
        return False
    level, paper = float(np.median(light[stroke & left])), float(np.median(light[ink == 0]))
    return abs(float(np.median(light[taken])) - level) < _AS_LIGHT * (level - paper)


def _share(border: npt.NDArray[np.uint8]) -> float:
    return np.count_nonzero(border) / border.size
