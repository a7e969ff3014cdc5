"""Lines that are not the digit though they cross it: ruled or squared paper, and hair lines across a bolder stroke.

Steps on the mask of the ink, uint8 (H,W) of 0 and 255 → same. They return the mask itself where they find no lines, where
nothing of a digit's size would be left, and on pictures too small for a line to be told from a stroke.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from service.images.parts import DIGIT_SIDE_MIN, border_contact, parts_of

_SIDE_MIN_PX: Final = 64
_RULE_RUN: Final = 0.3  # of the picture's side
_RULE_END_PX: Final = 2  # from the picture's edge
_RULE_WIDTH_MAX: Final = 0.05  # of the picture's longer side
_STROKE_MIN_PX: Final = 6.0
_HAIR: Final = 0.4  # of the stroke's width
_HAIR_LENGTH_MIN: Final = 0.15  # of the picture's longer side
_BEYOND: Final = 0.05  # of the picture's longer side

_UP_AND_DOWN: Final = np.ones((3, 1), np.uint8)
_AROUND: Final = np.ones((3, 3), np.uint8)

Mask = npt.NDArray[np.uint8]


def without_lines(mask: Mask) -> Mask:
    """`without_rules`, then `without_hairs`."""
    return without_hairs(without_rules(mask))


def without_rules(mask: Mask) -> Mask:
    """Take out thin straight lines that run from edge to edge, level or upright, and what crosses them stays.

    A pixel of such a line goes unless it lies in a run, across the line, longer than the line is wide: that is a stroke
    crossing it (as in the removal of staff lines from scores). A line may slope by a pixel in every 0.3 of the width.
    """
    if min(mask.shape) < _SIDE_MIN_PX or not (_reaches_both_ends(mask) or _reaches_both_ends(mask.T)):
        return mask
    level = _without_level_rules(mask)
    turned = np.ascontiguousarray(level.T)
    upright = _without_level_rules(turned)
    cleared = level if upright is turned else np.ascontiguousarray(upright.T)
    if cleared is mask:
        return mask
    parts = parts_of(cleared)
    return cleared if (parts.longer_side >= DIGIT_SIDE_MIN * max(mask.shape)).any() else mask


def _without_level_rules(mask: Mask) -> Mask:
    if not _reaches_both_ends(mask):
        return mask
    height, width = mask.shape
    run = np.ones((1, max(3, round(_RULE_RUN * width))), np.uint8)
    # Grown up and down, so that a line that slopes by a pixel still holds long level runs.
    long = np.asarray(cv2.morphologyEx(cv2.dilate(mask, _UP_AND_DOWN), cv2.MORPH_OPEN, run), np.uint8)
    if not long.any():
        return mask
    parts = parts_of(long)
    from_edge_to_edge = (parts.left <= _RULE_END_PX) & (parts.left + parts.width >= width - _RULE_END_PX)
    cleared = mask
    for index in np.flatnonzero(from_edge_to_edge):
        # The lower quartile: where a stroke runs along the line, the two are one.
        rows = np.s_[parts.top[index] : parts.top[index] + parts.height[index]]
        line = parts.labels[rows] == index + 1
        line_width_px = float(np.quantile(np.count_nonzero(line, axis=0), 0.25)) - 2
        if line_width_px > _RULE_WIDTH_MAX * max(height, width):
            continue
        if cleared is mask:
            cleared = mask.copy()
        across = np.ones((max(3, round(line_width_px) + 3), 1), np.uint8)
        crossing = cv2.morphologyEx(mask, cv2.MORPH_OPEN, across)[rows]
        cleared[rows][line & (crossing == 0)] = 0
    return cleared


def _reaches_both_ends(mask: Mask) -> bool:
    """Whether there is ink at the left edge and at the right: most drawings need no closer look."""
    return bool(mask[:, : _RULE_END_PX + 1].any() and mask[:, -_RULE_END_PX - 1 :].any())


def without_hairs(mask: Mask) -> Mask:
    """Take out what is less than 0.4 of the main stroke's width, if it reaches far beyond the rest.

    The main stroke's radius is that which nine tenths of the ink lie within (distance to the paper). A digit's own thin
    strokes stay, as they seldom leave the box of its bold ones by a twentieth of the picture.
    """
    if min(mask.shape) < _SIDE_MIN_PX:
        return mask
    box = cv2.boundingRect(mask)
    if not box[2]:
        return mask
    # Nothing lies outside of the box but the paper around it, of which a pixel is enough.
    left, top = max(box[0] - 1, 0), max(box[1] - 1, 0)
    depth = cv2.distanceTransform(mask[top : box[1] + box[3] + 1, left : box[0] + box[2] + 1], cv2.DIST_L2, 3)
    inside = depth[depth > 0]
    deep = inside.size * 9 // 10
    radius_px = float(np.partition(inside, deep)[deep]) / 0.9
    if 2 * radius_px < _STROKE_MIN_PX:
        return mask
    beyond = _BEYOND * max(mask.shape)
    core = cv2.boundingRect((depth > _HAIR * radius_px).view(np.uint8))
    core = core[0] + left, core[1] + top, core[2], core[3]
    if not _far((box,), core, beyond + radius_px).any():  # most drawings, at little cost
        return mask
    return _without_hairs(mask, radius_px, beyond)


def _without_hairs(mask: Mask, radius_px: float, beyond_px: float) -> Mask:
    longer = max(mask.shape)
    pen = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (round(_HAIR * 2 * radius_px) | 1,) * 2)
    bold = np.asarray(cv2.bitwise_and(mask, cv2.dilate(cv2.morphologyEx(mask, cv2.MORPH_OPEN, pen), _AROUND)), np.uint8)
    kept = parts_of(bold)
    if not ((border_contact(kept) == 0) & (kept.longer_side >= DIGIT_SIDE_MIN * longer)).any():
        return mask
    hairs = parts_of(np.asarray(cv2.subtract(mask, bold), np.uint8))
    boxes = np.stack([hairs.left, hairs.top, hairs.width, hairs.height], axis=1)
    far = _far(boxes, cv2.boundingRect(bold), beyond_px)
    return bold if (far & (hairs.longer_side >= _HAIR_LENGTH_MIN * longer)).any() else mask


def _far(boxes: npt.ArrayLike, box: cv2.typing.Rect, beyond_px: float) -> npt.NDArray[np.bool_]:
    """Which of the boxes, (N,4) of left, top, width, height, leave `box` by more than `beyond_px` on any side."""
    left, top, width, height = np.asarray(boxes).T
    return np.asarray(
        (left < box[0] - beyond_px)
        | (top < box[1] - beyond_px)
        | (left + width > box[0] + box[2] + beyond_px)
        | (top + height > box[1] + box[3] + beyond_px)
    )
