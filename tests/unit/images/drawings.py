"""Digits to test with, drawn from strokes at any size, pen, polarity and paper. No data set is needed or used."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

Point = tuple[float, float]
Colour = tuple[int, int, int]


def arc(x: float, y: float, radius_x: float, radius_y: float, start: float, stop: float) -> list[Point]:
    """Points of an ellipse from `start` to `stop` degrees, clockwise on the screen from three o'clock."""
    return [
        (x + radius_x * math.cos(math.radians(angle)), y + radius_y * math.sin(math.radians(angle)))
        for angle in np.linspace(start, stop, 24)
    ]


# In a box one wide and one high, y downwards.
STROKES: dict[int, list[Sequence[Point]]] = {
    0: [arc(0.5, 0.5, 0.32, 0.5, 0, 360)],
    1: [[(0.36, 0.16), (0.52, 0.0), (0.52, 1.0)]],
    2: [[*arc(0.5, 0.28, 0.32, 0.28, 190, 395), (0.18, 1.0), (0.84, 1.0)]],
    3: [[*arc(0.48, 0.26, 0.3, 0.26, 200, 450), *arc(0.46, 0.75, 0.34, 0.25, 270, 510)]],
    4: [[(0.62, 1.0), (0.62, 0.0), (0.12, 0.68), (0.88, 0.68)]],
    5: [[(0.26, 0.02), (0.22, 0.46), *arc(0.48, 0.68, 0.34, 0.32, 225, 500)], [(0.26, 0.02), (0.8, 0.02)]],
    6: [[(0.66, 0.0), *arc(0.5, 0.7, 0.32, 0.3, 200, 560)]],
    7: [[(0.14, 0.02), (0.84, 0.02), (0.4, 1.0)]],
    8: [arc(0.5, 0.25, 0.26, 0.25, 0, 360), arc(0.5, 0.75, 0.32, 0.25, 0, 360)],
    9: [[*arc(0.5, 0.3, 0.3, 0.3, 0, 360), (0.7, 1.0)]],
}

DIGITS = tuple(STROKES)


def draw(
    digit: int,
    height: int = 280,
    width: int | None = None,
    *,
    pen: float = 0.1,
    ink: int = 0,
    paper: int = 255,
    box: tuple[float, float, float, float] = (0.2, 0.15, 0.6, 0.7),
) -> npt.NDArray[np.uint8]:
    """uint8 (height, width) grey. `pen`: its width as a part of the digit's height; `box`: left, top, width, height of
    the digit as parts of the picture. Small pictures are drawn large and averaged down, as a camera would."""
    width = height if width is None else width
    finer = max(1, round(240 / height))
    canvas = np.full((height * finer, width * finer), paper, np.uint8)
    left, top, across, down = (part * side for part, side in zip(box, (width, height, width, height), strict=True))
    shift = 6  # sub-pixel bits of OpenCV's drawing
    for stroke in STROKES[digit]:
        points = np.array([(left + x * across, top + y * down) for x, y in stroke]) * finer * 2**shift
        thickness = max(1, round(pen * down * finer))
        cv2.polylines(canvas, [np.rint(points).astype(np.int32)], False, (ink,), thickness, cv2.LINE_AA, shift)
    return np.asarray(cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def coloured(picture: npt.NDArray[np.uint8], ink: Colour, paper: Colour) -> npt.NDArray[np.uint8]:
    """A drawing of black on white → uint8 (H,W,3) RGB of any two colours."""
    weight = picture[..., None] / 255
    return np.rint(weight * np.array(paper) + (1 - weight) * np.array(ink)).astype(np.uint8)


def difference(one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8]) -> float:
    """The mean difference of two 28×28 pictures, in grey levels, at the best of the shifts by up to one pixel: where the
    mass lies half-way between two pixels, a hair decides to which it is moved."""
    one, other = (picture.reshape(28, 28).astype(int) for picture in (one, other))
    shifts = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    return min(float(np.abs(np.roll(one, shift, (0, 1)) - other).mean()) for shift in shifts)
