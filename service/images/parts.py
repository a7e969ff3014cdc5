"""The connected parts of the ink, and which of them belong to the digit."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from service.images.light import border_of

# A part at least this long, of the picture's longer side, may be a digit.
DIGIT_SIDE_MIN: Final = 0.25

_SIDE_MIN_PX: Final = 32
_AREA_MIN: Final = 0.08  # of the largest part's area
_MARGIN: Final = 0.06  # of the picture's longer side
_LINE_SPAN: Final = 0.9  # of the picture's side
_LINE_FILL_MAX: Final = 0.25  # of the line's box
_FRAME_SPAN: Final = 0.8  # of the picture's sides
_RAIL_SPAN: Final = 0.7  # of the picture's side
_RAIL_WIDTH_MAX: Final = 0.06  # of the picture's longer side
_RAIL_ZONE: Final = 0.2  # of the picture's side, at either end
_CONTACT_MIN: Final = 0.5  # of the part's longer side


class Parts(NamedTuple):
    """The 8-connected parts of a mask: `labels` (H,W) counts them from 1; the rest is (parts,), in pixels."""

    labels: npt.NDArray[Any]
    left: npt.NDArray[np.int32]
    top: npt.NDArray[np.int32]
    width: npt.NDArray[np.int32]
    height: npt.NDArray[np.int32]
    area: npt.NDArray[np.int32]

    @property
    def longer_side(self) -> npt.NDArray[np.int32]:
        """Of each part's box."""
        return np.maximum(self.width, self.height)


def parts_of(mask: npt.NDArray[np.uint8]) -> Parts:
    """Label a mask (H,W) of 0 and 255. A part's `left`, `top`, `width`, `height` are its box."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8, ltype=_label_type(mask))
    left, top, width, height, area = np.asarray(stats, np.int32)[1:].T
    return Parts(np.asarray(labels), left, top, width, height, area)


def _label_type(mask: npt.NDArray[np.uint8]) -> int:
    """Twice as fast with labels of 16 bits, which hold any picture of working size."""
    most_parts = -(-mask.shape[0] // 2) * -(-mask.shape[1] // 2)
    return cv2.CV_16U if most_parts < 2**16 else cv2.CV_32S


def without_clutter(mask: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The mask less what cannot be the digit: edges of a table, lines of a frame, specks. uint8 (H,W) → same.

    First what `_free_of_edges` leaves out, then parts with less than 8 % of the largest one's area. All others stay, so
    that a 5 keeps its roof and a broken stroke its pieces. In a picture of less than 32 pixels no edge is left out:
    a table's cannot be told from a stroke there, and many a data set has digits so small that reach from edge to edge.
    """
    if (
        cv2.connectedComponents(mask, connectivity=8, ltype=_label_type(mask))[0] <= 2
    ):  # paper and one part: most drawings
        return mask
    parts = parts_of(mask)
    digit = np.ones(parts.area.size, bool) if max(mask.shape) < _SIDE_MIN_PX else _free_of_edges(parts)
    digit &= parts.area >= _AREA_MIN * parts.area[digit].max()
    if digit.all():
        return mask
    kept = np.concatenate(([False], digit)).astype(np.uint8) * np.uint8(255)  # by label; 0 is the paper
    return kept[parts.labels]


def _free_of_edges(parts: Parts) -> npt.NDArray[np.bool_]:
    """Which parts are no edge of a table or a frame.

    In this order, and each only if something is left: not what lies wholly in the picture's margin; no thin part that
    spans the picture and touches its edge twice; where something of a digit's size is left, no frame around the picture
    nor a side of it, and nothing along the picture's edge while such a part stands free of it.
    """
    digit = np.ones(parts.area.size, bool)
    for clutter in (_in_margin(parts), _frame_lines(parts)):
        if (digit & ~clutter).any():
            digit &= ~clutter
    substantial = parts.longer_side >= DIGIT_SIDE_MIN * max(parts.labels.shape)
    frames = _frames(parts)
    if (digit & substantial & ~frames).any():
        digit &= ~frames
    contact = border_contact(parts)
    if (digit & substantial & (contact == 0)).any():
        digit &= contact < _CONTACT_MIN * parts.longer_side
    return digit


def _in_margin(parts: Parts) -> npt.NDArray[np.bool_]:
    height, width = parts.labels.shape
    margin = max(1, round(_MARGIN * max(height, width)))
    right, bottom = width - margin, height - margin
    return (
        (parts.left + parts.width <= margin)
        | (parts.top + parts.height <= margin)
        | (parts.left >= right)
        | (parts.top >= bottom)
    )


def _frame_lines(parts: Parts) -> npt.NDArray[np.bool_]:
    height, width = parts.labels.shape
    touches = (
        (parts.left == 0).astype(int)
        + (parts.top == 0)
        + (parts.left + parts.width == width)
        + (parts.top + parts.height == height)
    )
    spans = (parts.width > _LINE_SPAN * width) | (parts.height > _LINE_SPAN * height)
    thin = parts.area < _LINE_FILL_MAX * parts.width * parts.height
    return (touches >= 2) & spans & thin


def _frames(parts: Parts) -> npt.NDArray[np.bool_]:
    """Thin parts around most of the picture, and straight lines along most of one side of it."""
    height, width = parts.labels.shape
    around = (
        (parts.width >= _FRAME_SPAN * width)
        & (parts.height >= _FRAME_SPAN * height)
        & (parts.area < _LINE_FILL_MAX * parts.width * parts.height)
    )
    thin = _RAIL_WIDTH_MAX * max(height, width)
    above_or_below = (parts.top + parts.height <= _RAIL_ZONE * height) | (parts.top >= (1 - _RAIL_ZONE) * height)
    beside = (parts.left + parts.width <= _RAIL_ZONE * width) | (parts.left >= (1 - _RAIL_ZONE) * width)
    level = (parts.width >= _RAIL_SPAN * width) & (parts.height <= thin) & above_or_below
    upright = (parts.height >= _RAIL_SPAN * height) & (parts.width <= thin) & beside
    return around | level | upright


def border_contact(parts: Parts) -> npt.NDArray[np.int64]:
    """How many pixels of the picture's border each part covers; corners count twice."""
    return np.bincount(border_of(parts.labels), minlength=parts.area.size + 1)[1:]
