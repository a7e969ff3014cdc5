"""A sheet on a table, a canvas in a screenshot: where the thing that stands out is not the ink but what it lies on."""

from __future__ import annotations

from typing import Final, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from service.images.polarity import light_ink
from service.images.shade import evenly_lit
from service.images.split import ink_of, split

_SIDE_MIN: Final = 0.35  # of the picture's side
_SIDE_MIN_PX: Final = 16
_FILL_MIN: Final = 0.88  # of the rectangle around it, turned as it lies
_INSET: Final = 0.04  # of the card's longer side
_EDGE_MIN: Final = 0.85
_CONTRAST_MIN: Final = 0.4  # of the contrast between card and table

_AROUND: Final = np.ones((3, 3), np.uint8)


class Card(NamedTuple):
    """Where the card's own box lies in the picture, in pixels, and what is written on it: light ink, uint8 (h,w)."""

    left: int
    top: int
    written: npt.NDArray[np.uint8]


def off_the_card(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Where the ink is a card – a sheet on a table, a canvas in a screenshot – what is written on it, as light ink again.

    Light ink uint8 (H,W) → uint8 (h,w). Any other picture is returned as it is.
    """
    card = card_on(picture)
    return picture if card is None else card.written


def card_on(picture: npt.NDArray[np.uint8]) -> Card | None:
    """The card on light ink uint8 (H,W): large, four-sided however it is turned, solid along its edge, and something on it
    stands out nearly as much as it does itself. A frame ruled in a thick line counts as one.

    Four-sided: it fills 0.88 of the least rectangle around it; an ellipse fills 0.785, so that a 0 is no card.
    """
    ink = ink_of(picture)
    outlines, _ = cv2.findContours(ink, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not outlines:
        return None
    outline = max(outlines, key=cv2.contourArea)
    left, top, width, height = cv2.boundingRect(outline)
    if min(width / picture.shape[1], height / picture.shape[0]) < _SIDE_MIN or min(width, height) < _SIDE_MIN_PX:
        return None
    _, (side, other_side), _ = cv2.minAreaRect(outline)
    if cv2.contourArea(outline) < _FILL_MIN * side * other_side:
        return None
    box = picture[top : top + height, left : left + width]
    inset = max(1, round(_INSET * max(width, height)))
    inside = _inside(outline, (left, top, width, height), inset)
    edge = cv2.subtract(inside, _eroded(inside, 1))
    if not edge.any() or cv2.mean(ink[top : top + height, left : left + width], mask=edge)[0] < 255 * _EDGE_MIN:
        return None
    # What shows of the table at the corners of a turned card becomes card.
    sheet = np.where(inside > 0, box, np.uint8(np.median(box[edge > 0])))[inset:-inset, inset:-inset]
    written = light_ink(evenly_lit(np.ascontiguousarray(sheet)))
    if split(written).contrast_levels < _CONTRAST_MIN * split(picture).contrast_levels:
        return None
    return Card(left + inset, top + inset, written)


def _inside(outline: cv2.typing.MatLike, box: tuple[int, int, int, int], inset: int) -> npt.NDArray[np.uint8]:
    """The mask, in its box, of what lies at least `inset` pixels within the outline's hull."""
    left, top, width, height = box
    filled = np.zeros((height, width), np.uint8)
    cv2.drawContours(filled, [cv2.convexHull(outline)], -1, (255,), -1, offset=(-left, -top))
    return _eroded(filled, inset)


def _eroded(mask: npt.NDArray[np.uint8], by_px: int) -> npt.NDArray[np.uint8]:
    """What lies outside of the picture counts as outside of the mask."""
    return np.asarray(
        cv2.erode(mask, _AROUND, iterations=by_px, borderType=cv2.BORDER_CONSTANT, borderValue=(0,)), np.uint8
    )
