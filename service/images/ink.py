"""Ink: where it is, and the digit alone.

Steps from light ink on dark paper to the digit in its own box on black, each uint8 (H,W) → uint8 (h,w).
"""

from __future__ import annotations

from typing import Final, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from service.errors import BlankPictureError
from service.images.light import border_of, evenly_lit, light_ink
from service.images.parts import without_clutter

# Ink differs from paper by at least this: a blank sheet in uneven light, through JPEG, still shows some levels.
CONTRAST_MIN_LEVELS: Final = 12.0
# And by this many standard deviations of the paper: in pure Gaussian noise Otsu finds two classes 2.6 apart.
CONTRAST_MIN_DEVIATIONS: Final = 3.0

_CARD_SIDE_MIN: Final = 0.35  # of the picture's side
_CARD_SIDE_MIN_PX: Final = 16
_CARD_INSET: Final = 0.04  # of the card's longer side
_CARD_EDGE_MIN: Final = 0.85
_CARD_CONTRAST_MIN: Final = 0.4  # of the contrast between card and table
_STROKE_MIN: Final = 1.5 / 20  # of the ink's longer side: 1.5 pixels in the end

_AROUND: Final = np.ones((3, 3), np.uint8)


class Split(NamedTuple):
    """Otsu's two classes: the mask of the ink, 0 and 255, and the grey levels on either side."""

    ink: npt.NDArray[np.uint8]
    ink_level: float
    paper_level: float
    paper_deviation: float

    @property
    def contrast_levels(self) -> float:
        return self.ink_level - self.paper_level

    @property
    def is_blank(self) -> bool:
        return self.contrast_levels < max(CONTRAST_MIN_LEVELS, CONTRAST_MIN_DEVIATIONS * self.paper_deviation)


def split(picture: npt.NDArray[np.uint8]) -> Split:
    """Part ink from paper by Otsu's threshold, the one that leaves the two classes least spread in themselves."""
    _, mask = cv2.threshold(picture, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    paper = cv2.bitwise_not(mask)
    ink_level = cv2.mean(picture, mask=mask)[0]
    if not cv2.countNonZero(paper):  # one grey level all over, all of it above a threshold of 0
        return Split(np.asarray(mask, np.uint8), ink_level, ink_level, 0.0)
    paper_mean, paper_deviation = cv2.meanStdDev(picture, mask=paper)
    return Split(np.asarray(mask, np.uint8), ink_level, float(paper_mean[0, 0]), float(paper_deviation[0, 0]))


def off_the_card(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Where the ink is a card – a sheet on a table, a canvas in a screenshot – what is written on it, as light ink again.

    A card is large, solid along its edge, and something on it stands out nearly as much as it does itself. A frame ruled
    in a thick line counts as one. Any other picture is returned as it is.
    """
    table = split(picture)
    outlines, _ = cv2.findContours(table.ink, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not outlines:
        return picture
    left, top, width, height = cv2.boundingRect(max(outlines, key=cv2.contourArea))
    if (
        min(width / picture.shape[1], height / picture.shape[0]) < _CARD_SIDE_MIN
        or min(width, height) < _CARD_SIDE_MIN_PX
    ):
        return picture
    inset = max(1, round(_CARD_INSET * max(width, height)))
    inside = np.s_[top + inset : top + height - inset, left + inset : left + width - inset]
    if np.mean(border_of(table.ink[inside])) < 255 * _CARD_EDGE_MIN:
        return picture
    written = light_ink(evenly_lit(np.ascontiguousarray(picture[inside])))
    return written if split(written).contrast_levels >= _CARD_CONTRAST_MIN * table.contrast_levels else picture


def cleaned(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Paper to 0, ink to 255, soft edges between; frame lines, table edges and specks to 0.

    The grey levels are stretched from the paper's mean to the ink's.

    :raise BlankPictureError: the contrast is no more than an empty sheet has.
    """
    found = split(picture)
    if found.is_blank:
        raise BlankPictureError("The picture is blank: nothing in it stands out from the paper.")
    levels = (np.arange(256) - found.paper_level) * (255 / found.contrast_levels)
    stretched = cv2.LUT(picture, np.clip(np.rint(levels), 0, 255).astype(np.uint8))
    # The mask grows by a pixel to keep the soft edge that Otsu's threshold cuts off.
    return np.asarray(cv2.bitwise_and(stretched, cv2.dilate(without_clutter(found.ink), _AROUND)), np.uint8)


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
