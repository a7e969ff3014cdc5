"""Rows of digits to read, composed from pictures of single ones: a postcode on a line, a number in boxes.

    row = compose(images, "ruled", seed=7)       # row.picture uint8 (H, W), row.boxes: where each digit's ink lies

The same arguments give the same row. `images` are in MNIST's canon, from whatever source: its own, or `toy_digits`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

Kind = Literal["separated", "touching", "ruled", "boxed"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
Box = tuple[int, int, int, int]
"""x, y, width, height in pixels."""

_CANON_INK_PX: Final = 20
_INK_LEVEL: Final = 0.4  # of full ink: what counts as ink where boxes and gaps are measured


@dataclass(frozen=True)
class ComposedRow:
    """`picture` uint8 (H, W), dark ink on light paper or the other way round; `boxes` of the digits' ink, in order."""

    picture: NDArray[np.uint8]
    boxes: tuple[Box, ...]


def compose(images: NDArray[np.uint8], kind: Kind, seed: int) -> ComposedRow:
    """A row of `images`, uint8 (N, 28, 28).

    What varies, by `seed`: height of the digits (24 to 80 pixels), their sizes among each other, slant, spacing, how far
    they stray from the line, the strength of ink and paper, which of them is lighter, light falling off, the paper's
    grain, blur. In a row that is `touching` neighbours run into each other, every second time at least once; in all
    others there is paper between any two.
    """
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    height_px = int(rng.integers(24, 81))
    slant = float(rng.uniform(-0.15, 0.25))
    inks = [_scaled(image, height_px * float(rng.uniform(0.85, 1.1)), slant) for image in images]
    lefts = _lefts(inks, _gaps(len(inks), kind, height_px, rng))
    margin_px = round(height_px * float(rng.uniform(0.35, 0.8)))
    field_px = round(1.1 * height_px)
    width = lefts[-1] + inks[-1].shape[1] + 2 * margin_px
    sheet = np.zeros((field_px + 2 * margin_px, width), np.float32)
    boxes = []
    for ink, left in zip(inks, lefts, strict=True):
        height = ink.shape[0]
        stray_px = float(rng.uniform(-0.06, 0.06)) * height_px
        top = min(max(round(margin_px + (field_px - height) / 2 + stray_px), 0), sheet.shape[0] - height)
        place = sheet[top : top + height, left + margin_px : left + margin_px + ink.shape[1]]
        np.maximum(place, ink, out=place)
        x, y, across, down = cv2.boundingRect((ink > _INK_LEVEL).astype(np.uint8))
        boxes.append((left + margin_px + x, top + y, across, down))
    if kind == "ruled":
        _rule(sheet, margin_px, field_px, rng)
    elif kind == "boxed":
        _enclose(sheet, boxes, height_px, rng)
    return ComposedRow(_on_paper(sheet, rng), tuple(boxes))


def _scaled(image: NDArray[np.uint8], height_px: float, slant: float) -> NDArray[np.float32]:
    """The digit's ink, 0 to 1, sheared and scaled so that MNIST's 20 pixels become `height_px`, in its own box."""
    scale = height_px / _CANON_INK_PX
    side = int(np.ceil(image.shape[0] * scale * (1 + abs(slant)))) + 4
    centre = (image.shape[0] - 1) / 2
    turn = scale * np.array([[1.0, -slant], [0.0, 1.0]])
    shift = np.array([side / 2, side / 2]) - turn @ np.array([centre, centre])
    large = cv2.warpAffine(
        image.astype(np.float32) / 255, np.column_stack([turn, shift]), (side, side), flags=cv2.INTER_LINEAR
    )
    left, top, width, height = cv2.boundingRect((large > 0.05).astype(np.uint8))
    return np.asarray(large[top : top + height, left : left + width], np.float32)


def _gaps(count: int, kind: Kind, height_px: int, rng: np.random.Generator) -> list[float]:
    """How far apart neighbours are where they come closest, in pixels; below 0 their ink overlaps."""
    spacing = float(rng.uniform(0.12, 0.6)) if kind != "boxed" else float(rng.uniform(0.45, 0.7))
    gaps = [height_px * spacing * float(rng.uniform(0.8, 1.2)) for _ in range(count - 1)]
    if kind == "touching" and gaps:
        touching = rng.random(len(gaps)) < 0.5
        touching[rng.integers(len(gaps))] = True
        gaps = [-float(rng.uniform(0.02, 0.07)) * height_px if t else g for g, t in zip(gaps, touching, strict=True)]
    return gaps


def _lefts(inks: list[NDArray[np.float32]], gaps: list[float]) -> list[int]:
    """Where each digit's box begins. The gap is the smallest over all lines, as the eye sees it, not that of the boxes."""
    lefts = [0]
    for (one, other), gap_px in zip(pairwise(inks), gaps, strict=True):
        lines = min(one.shape[0], other.shape[0])
        offsets = [(ink.shape[0] - lines) // 2 for ink in (one, other)]
        right = _profile(one[offsets[0] : offsets[0] + lines, ::-1])  # free pixels on the right of each line
        left = _profile(other[offsets[1] : offsets[1] + lines])
        # Digits stray from the line by a little, so lines next to each other count as one.
        near = cv2.erode(left.reshape(-1, 1), np.ones((1 + 2 * (lines // 8), 1), np.uint8)).reshape(-1)
        nearest = float((right + near).min())
        lefts.append(max(lefts[-1] + 1, round(lefts[-1] + one.shape[1] - nearest + gap_px)))
    return lefts


def _profile(ink: NDArray[np.float32]) -> NDArray[np.float32]:
    mask = ink > _INK_LEVEL
    return np.where(mask.any(axis=1), mask.argmax(axis=1), ink.shape[1]).astype(np.float32)


def _rule(sheet: NDArray[np.float32], margin_px: int, field_px: int, rng: np.random.Generator) -> None:
    """A line under the digits, which may cut off their feet, and half the time one above."""
    strength, pen_px = float(rng.uniform(0.5, 1.0)), max(1, round(field_px * float(rng.uniform(0.02, 0.05))))
    rise = float(rng.uniform(-0.01, 0.01))
    bottom = margin_px + field_px * float(rng.uniform(0.92, 1.1))
    heights = [bottom] if rng.random() < 0.5 else [bottom, bottom - 1.15 * field_px]
    for height in heights:
        _line(sheet, (0, height), (sheet.shape[1], height + rise * sheet.shape[1]), strength, pen_px)


def _enclose(sheet: NDArray[np.float32], boxes: list[Box], height_px: int, rng: np.random.Generator) -> None:
    """A box around each digit, or one long box divided into fields."""
    strength, pen_px = float(rng.uniform(0.5, 1.0)), max(1, round(height_px * float(rng.uniform(0.02, 0.05))))
    top = min(y for _, y, _, _ in boxes) - 0.12 * height_px
    bottom = max(y + height for _, y, _, height in boxes) + 0.12 * height_px
    if rng.random() < 0.5:
        edges = [boxes[0][0] - 0.2 * height_px]
        edges += [(one[0] + one[2] + other[0]) / 2 for one, other in pairwise(boxes)]
        edges.append(boxes[-1][0] + boxes[-1][2] + 0.2 * height_px)
        for x in edges:
            _line(sheet, (x, top), (x, bottom), strength, pen_px)
        for y in (top, bottom):
            _line(sheet, (edges[0], y), (edges[-1], y), strength, pen_px)
        return
    for x, _, width, _ in boxes:
        left, right = x - 0.13 * height_px, x + width + 0.13 * height_px
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
        for start, end in zip(corners, [*corners[1:], corners[0]], strict=True):
            _line(sheet, start, end, strength, pen_px)


def _line(
    sheet: NDArray[np.float32], start: tuple[float, float], end: tuple[float, float], strength: float, pen_px: int
) -> None:
    drawn = np.zeros(sheet.shape, np.uint8)
    ends = [tuple(round(value) for value in point) for point in (start, end)]
    cv2.line(drawn, ends[0], ends[1], 255, pen_px, cv2.LINE_AA)
    np.maximum(sheet, drawn.astype(np.float32) * (strength / 255), out=sheet)


def _on_paper(sheet: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Ink 0 to 1 → grey levels on textured paper in uneven light, blurred, of either polarity."""
    height, width = sheet.shape
    paper, ink = float(rng.uniform(180, 245)), float(rng.uniform(15, 80))
    fibres = cv2.GaussianBlur(rng.standard_normal(sheet.shape).astype(np.float32), (0, 0), float(rng.uniform(1, 3)))
    grain = fibres * (float(rng.uniform(0, 4)) / max(float(fibres.std()), 1e-6))
    levels = paper + grain - sheet * (paper - ink)
    falls = rng.uniform(-0.15, 0.15, 2)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    levels = levels * (1 + falls[0] * x + falls[1] * y)
    blurred = cv2.GaussianBlur(levels.astype(np.float32), (0, 0), float(rng.uniform(0.2, 1.0)))
    noisy = blurred + rng.standard_normal(sheet.shape) * float(rng.uniform(0, 3))
    picture = np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
    return 255 - picture if rng.random() < 0.3 else picture
