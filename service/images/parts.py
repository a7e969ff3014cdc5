"""The connected parts of the ink, and which of them belong to the digit."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

_AREA_MIN: Final = 0.08  # of the largest part's area
_MARGIN: Final = 0.06  # of the picture's longer side
_LINE_SPAN: Final = 0.9  # of the picture's side
_LINE_FILL_MAX: Final = 0.25  # of the line's box


class Parts(NamedTuple):
    """The 8-connected parts of a mask: `labels` (H,W) counts them from 1; the rest is (parts,), in pixels."""

    labels: npt.NDArray[Any]
    left: npt.NDArray[np.int32]
    top: npt.NDArray[np.int32]
    width: npt.NDArray[np.int32]
    height: npt.NDArray[np.int32]
    area: npt.NDArray[np.int32]


def parts_of(mask: npt.NDArray[np.uint8]) -> Parts:
    """Label a mask (H,W) of 0 and 255. A part's `left`, `top`, `width`, `height` are its box."""
    most_parts = -(-mask.shape[0] // 2) * -(-mask.shape[1] // 2)
    # Twice as fast with labels of 16 bits, which hold any picture of working size.
    label_type = cv2.CV_16U if most_parts < 2**16 else cv2.CV_32S
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8, ltype=label_type)
    left, top, width, height, area = np.asarray(stats, np.int32)[1:].T
    return Parts(np.asarray(labels), left, top, width, height, area)


def without_clutter(mask: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The mask less what cannot be the digit: edges of a table, lines of a frame, specks. uint8 (H,W) → same.

    In this order, and each only if something is left: parts that lie wholly in the picture's margin; thin parts that
    span the picture and touch its edge twice; parts with less than 8 % of the largest one's area. All others stay,
    so that a 5 keeps its roof and a broken stroke its pieces.
    """
    parts = parts_of(mask)
    if parts.area.size < 2:
        return mask
    digit = np.ones(parts.area.size, bool)
    for clutter in (_in_margin(parts), _frame_lines(parts)):
        if (digit & ~clutter).any():
            digit &= ~clutter
    digit &= parts.area >= _AREA_MIN * parts.area[digit].max()
    if digit.all():
        return mask
    kept = np.concatenate(([False], digit)).astype(np.uint8) * np.uint8(255)  # by label; 0 is the paper
    return kept[parts.labels]


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
