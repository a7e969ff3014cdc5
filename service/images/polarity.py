"""Polarity: which of the two greys is the ink. A step, uint8 (H,W) → same."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from service.images.light import border_of
from service.images.split import ink_of

_DOUBT: Final = 0.25  # of the border on either side of one half
_PARTS_WEIGHT: Final = 0.35  # of the border, for e times as many parts
_AREA_WEIGHT: Final = 0.35
_PART_MIN: Final = 0.05  # of a grey's own area


def light_ink(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Light ink on dark paper, whichever it was: the paper is what most of the border shows. uint8 (H,W) → same.

    Light and dark are told apart by Otsu's threshold. On a crop as tight as the digit both lie on the border; where
    neither holds three quarters of it, paper is also told by covering more than half of the picture, and by being cut
    into corners and loops, while a digit is mostly of one piece.
    """
    mask = ink_of(picture)
    border = border_of(mask)
    lit = np.count_nonzero(border) / border.size
    if abs(lit - 0.5) < _DOUBT:
        many = np.log((_large_parts(mask) + 0.5) / (_large_parts(np.asarray(cv2.bitwise_not(mask), np.uint8)) + 0.5))
        lit += _PARTS_WEIGHT * many + _AREA_WEIGHT * (cv2.countNonZero(mask) / mask.size - 0.5)
    return np.asarray(cv2.bitwise_not(picture), np.uint8) if lit > 0.5 else picture


def _large_parts(mask: npt.NDArray[np.uint8]) -> int:
    """How many 8-connected parts hold a twentieth of the mask each."""
    areas = cv2.connectedComponentsWithStats(mask, connectivity=8)[2][1:, cv2.CC_STAT_AREA]
    return int(np.count_nonzero(areas > _PART_MIN * areas.sum()))
