"""Ink: where it is, and the digit alone.

Steps from light ink on dark paper to the digit in its own box on black, each uint8 (H,W) → uint8 (h,w).
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from service.errors import BlankPictureError
from service.images.lines import without_lines
from service.images.parts import without_clutter
from service.images.split import split

_STROKE_MIN: Final = 1.5 / 20  # of the ink's longer side: 1.5 pixels in the end

_AROUND: Final = np.ones((3, 3), np.uint8)


def cleaned(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Paper to 0, ink to 255, soft edges between; ruled lines, hair lines, frames, table edges and specks to 0.

    The grey levels are stretched from the paper's mean to the ink's.

    :raise BlankPictureError: the contrast is no more than an empty sheet has.
    """
    found = split(picture)
    if found.is_blank:
        raise BlankPictureError("The picture is blank: nothing in it stands out from the paper.")
    levels = (np.arange(256) - found.paper_level) * (255 / found.contrast_levels)
    stretched = cv2.LUT(picture, np.clip(np.rint(levels), 0, 255).astype(np.uint8))
    # The mask grows by a pixel to keep the soft edge that Otsu's threshold cuts off.
    return np.asarray(
        cv2.bitwise_and(stretched, cv2.dilate(without_clutter(without_lines(found.ink)), _AROUND)), np.uint8
    )


def cropped(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The box of what is at least half as light as ink. uint8 (H,W) → (h,w), neither of them 0.

    :raise BlankPictureError: nothing is.
    """
    left, top, width, height = cv2.boundingRect(cv2.threshold(picture, 127, 255, cv2.THRESH_BINARY)[1])
    if not width:
        raise BlankPictureError("The picture is blank: no ink was found in it.")
    return np.ascontiguousarray(picture[top : top + height, left : left + width])


def thickened(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Widen hair-thin strokes to 1.5 pixels of the final size; others stay. uint8 (H,W) cropped → uint8 (h,w).

    Nearly all of MNIST's are wider. A fine pen's line, a hundredth of the digit's height, would come out of the area
    resize as a row of faint and less faint dots. The mean width is taken as twice the ink's area over the length of its
    outline.
    """
    mask = cv2.threshold(picture, 127, 255, cv2.THRESH_BINARY)[1]
    # Padded: the outline also runs where the box cuts it.
    outline = cv2.morphologyEx(cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT), cv2.MORPH_GRADIENT, _AROUND)
    width_px = 4 * cv2.countNonZero(mask) / max(cv2.countNonZero(outline), 1)  # the gradient is two pixels wide
    missing_px = round(_STROKE_MIN * max(picture.shape) - width_px)
    if missing_px < 1:
        return picture
    padded = cv2.copyMakeBorder(picture, missing_px, missing_px, missing_px, missing_px, cv2.BORDER_CONSTANT)
    pen = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (missing_px + 1, missing_px + 1))
    return cropped(np.asarray(cv2.dilate(padded, pen), np.uint8))
