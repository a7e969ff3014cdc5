"""Ruled lines, frames and the boxes of a form, told from digits by being long, straight and thin, and taken out."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from service.images.parts import Parts, parts_of

Mask = npt.NDArray[np.uint8]

_SPAN_MIN: Final = 0.5  # of the picture's side: a line that long is no stroke
_FRAME_COVER_MIN: Final = 0.85  # of each side of a frame's box shows ink
_FRAME_PEN_MAX: Final = 0.12  # of the frame's height
_FRAME_HOLDS_MIN: Final = 0.3  # of the frame's height: something so high stands in one
_DIVIDER: Final = 0.95  # of the height within a frame: what is so long and straight within it divides it
_LENGTH: Final = 1.5  # of a digit's height: no stroke of a digit is so long and so straight
_PEN_MAX: Final = 0.25  # of a digit's height
_HAIR_PEN: Final = 0.5  # of the usual pen
_HAIR_LENGTH: Final = 4.0  # times as long as wide
_HEIGHT_MIN_PX: Final = 8
_DIGIT_AREA_MIN: Final = 0.15  # of the largest part's box


def without_lines(ink: Mask, faint: Mask) -> Mask:
    """The ink (H,W), 0 and 255, less its lines and what is left of them; where a stroke crosses one, the crossing stays.

    `faint` is the mask of all that is darker than paper, ink included: a line printed in grey lies half above and half
    below the threshold of the ink, and only in `faint` is it straight and whole.
    """
    strokes = _without_straight(faint)
    # A pixel wider, for a blurred line has soft edges, but not into what is none of its own.
    lines = cv2.dilate(cv2.subtract(faint, strokes), np.ones((3, 3), np.uint8))
    left = np.asarray(cv2.bitwise_and(ink, cv2.bitwise_not(cv2.subtract(lines, strokes))), np.uint8)
    return _without_hairs(_without_straight(left))


def _without_straight(mask: Mask) -> Mask:
    """Less all that is long, straight and thin.

    First what encloses something or runs half across the picture, whatever the digits' size; then, the height of the
    digits being known better, straight runs longer than any stroke of theirs.
    """
    mask = _without_frames(mask)
    height, width = mask.shape
    mask = _without_runs(mask, max(round(_SPAN_MIN * width), 3 * _HEIGHT_MIN_PX), max(2, round(0.06 * height)))
    digit_px = typical_height_px(parts_of(mask))
    if digit_px < _HEIGHT_MIN_PX:
        return mask
    return _without_runs(mask, round(_LENGTH * digit_px), round(_PEN_MAX * digit_px), upright_too=True)


def _without_hairs(mask: Mask) -> Mask:
    """Less the slivers that lines leave: long parts drawn with a far finer pen than the others, a thin 1 aside."""
    parts = parts_of(mask)
    if parts.area.size < 2:
        return mask
    depth = cv2.distanceTransform(mask, cv2.DIST_L2, 3)
    pen_px = np.zeros(parts.area.size)
    for label in range(parts.area.size):
        left, top, width, height = (int(side[label]) for side in (parts.left, parts.top, parts.width, parts.height))
        box = np.s_[top : top + height, left : left + width]
        pen_px[label] = 2 * float(depth[box][parts.labels[box] == label + 1].max())
    digit_px = typical_height_px(parts)
    usual = float(np.median(pen_px[parts.height >= 0.5 * digit_px]))
    longer, shorter = np.maximum(parts.width, parts.height), np.minimum(parts.width, parts.height)
    upright = parts.height > parts.width
    like_a_one = upright & (parts.height >= 0.6 * digit_px) & (parts.height <= 1.15 * digit_px)
    hairs = (pen_px <= _HAIR_PEN * usual) & (longer >= _HAIR_LENGTH * shorter) & ~like_a_one
    if not hairs.any() or hairs.all():
        return mask
    kept = np.concatenate(([False], ~hairs)).astype(np.uint8) * np.uint8(255)
    return np.asarray(kept[parts.labels], np.uint8)


def typical_height_px(parts: Parts) -> float:
    """The median height of the parts that are large enough to be digits; 0 if there are none."""
    if not parts.area.size:
        return 0.0
    boxes = parts.width.astype(float) * parts.height
    large = parts.height[boxes >= _DIGIT_AREA_MIN * boxes.max()]
    return float(np.median(large))


def _without_runs(mask: Mask, length_px: int, pen_max_px: int, *, upright_too: bool = False) -> Mask:
    cleared = _without_level_runs(mask, length_px, pen_max_px)
    if not upright_too:
        return cleared
    turned = np.ascontiguousarray(cleared.T)
    return np.ascontiguousarray(_without_level_runs(turned, length_px, pen_max_px).T)


def _without_level_runs(mask: Mask, length_px: int, pen_max_px: int) -> Mask:
    """Less the horizontal runs of `length_px` and more that are thin, except where ink goes on above and below."""
    if mask.shape[1] < length_px:
        return mask
    # A pixel higher and lower, so that a line that rises by a pixel now and then is not cut to pieces by it.
    thick = cv2.dilate(mask, np.ones((3, 1), np.uint8))
    runs = np.asarray(cv2.morphologyEx(thick, cv2.MORPH_OPEN, np.ones((1, length_px), np.uint8)), np.uint8)
    runs = np.asarray(cv2.bitwise_and(runs, mask), np.uint8)
    if not cv2.countNonZero(runs):
        return mask
    lines = np.asarray(cv2.subtract(runs, _thicker_than(runs, pen_max_px)), np.uint8)
    rest = np.asarray(cv2.subtract(mask, lines), np.uint8)
    return np.asarray(cv2.bitwise_or(rest, _crossings(lines, rest)), np.uint8)


def _thicker_than(mask: Mask, pen_px: int) -> Mask:
    """What of the mask stands in a column of more than `pen_px` pixels: solid shapes, not lines."""
    return np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((pen_px + 1, 1), np.uint8)), np.uint8)


def _crossings(lines: Mask, rest: Mask) -> Mask:
    """Of the lines' pixels those in columns where the rest goes on above and below: there a stroke runs through."""
    kept = np.zeros_like(lines)
    parts = parts_of(lines)
    for label in range(parts.area.size):
        left, top, width, height = (int(side[label]) for side in (parts.left, parts.top, parts.width, parts.height))
        box = np.s_[max(top - 2, 0) : top + height + 2, left : left + width]
        line = parts.labels[box] == label + 1
        ink = rest[box] > 0
        there = line.any(axis=0)
        first = line.argmax(axis=0)
        last = line.shape[0] - 1 - line[::-1].argmax(axis=0)
        rows = np.arange(line.shape[0])[:, None]
        above = (ink & (rows < first) & (rows >= first - 2)).any(axis=0)
        below = (ink & (rows > last) & (rows <= last + 2)).any(axis=0)
        # A slanted stroke leaves above a little to one side of where it enters below.
        slack = max(1, height // 2)
        near = np.ones((1, 2 * slack + 1), np.uint8)
        above, below = (cv2.dilate(side.astype(np.uint8)[None], near)[0] > 0 for side in (above, below))
        runs_through = there & above & below
        kept[box][line & runs_through] = 255
    return kept


def _without_frames(mask: Mask) -> Mask:
    """Less the boxes that hold something, and what divides them; a box is known by ink along all four sides.

    Ink of a digit that touches a side stays, up to the side itself.
    """
    parts = parts_of(mask)
    cleared = mask
    for label in range(parts.area.size):
        left, top, width, height = (int(side[label]) for side in (parts.left, parts.top, parts.width, parts.height))
        if width < _HEIGHT_MIN_PX or height < 2 * _HEIGHT_MIN_PX:
            continue
        box = np.s_[top : top + height, left : left + width]
        own = (parts.labels[box] == label + 1).astype(np.uint8) * np.uint8(255)
        pen_px = _frame_pen_px(own)
        if pen_px is None or not _holds_something(mask[box], pen_px):
            continue
        if cleared is mask:
            cleared = mask.copy()
        inner = _without_sides(own, pen_px)
        inner = _without_runs(inner, round(_DIVIDER * (height - 2 * pen_px)), 2 * pen_px + 2, upright_too=True)
        cleared[box][(own > 0) & (inner == 0)] = 0
    return cleared


def _frame_pen_px(own: Mask) -> int | None:
    """How far in from its box's edges a part has to be cleared so that its sides are gone; None if it is no frame."""
    height, width = own.shape
    deepest = min(max(2, round(_FRAME_PEN_MAX * height)), (width - 2) // 2)
    margin_px = 1
    while margin_px <= deepest:
        sides = (own[:margin_px], own[-margin_px:], own[:, :margin_px].T, own[:, -margin_px:].T)
        if all(np.mean(side.any(axis=0)) >= _FRAME_COVER_MIN for side in sides):
            break
        margin_px += 1
    else:
        return None
    while margin_px <= deepest:
        sides = (own[margin_px], own[-margin_px - 1], own[:, margin_px], own[:, -margin_px - 1])
        if all(np.mean(side > 0) < 0.5 for side in sides):
            return margin_px + 1
        margin_px += 1
    return None


def _holds_something(inside: Mask, pen_px: int) -> bool:
    height = inside.shape[0]
    core = np.ascontiguousarray(inside[pen_px:-pen_px, pen_px:-pen_px])
    return core.size > 0 and any(parts_of(core).height >= _FRAME_HOLDS_MIN * height)


def _without_sides(own: Mask, pen_px: int) -> Mask:
    inner = own.copy()
    inner[:pen_px] = inner[-pen_px:] = 0
    inner[:, :pen_px] = inner[:, -pen_px:] = 0
    return inner
