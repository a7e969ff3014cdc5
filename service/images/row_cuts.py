"""Where touching digits may be cut apart: seams, the paths from top to bottom that go through the least ink.

A seam goes round a stroke rather than through it where it can, upright or leaning as slanted digits do. That joins in one rule what is done by minima of the projection, by concavities of the outline and by drops that fall along it
(Casey & Lecolinet, "A survey of methods and strategies in character segmentation", IEEE PAMI 18(7), 1996).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

_NARROWEST: Final = 0.5  # of a digit's height: two of the slimmest digits are that wide
_END: Final = 0.12  # of a digit's height: no digit is slimmer
_SLIM: Final = 0.95  # of a digit's height: what is slimmer than this is mostly a single digit
_SLIM_CUTS_MAX: Final = 3
_STEP: Final = 0.08  # of a digit's height, between the places that are tried
_REACH: Final = 0.15  # of a digit's height, that a seam may stray from its place
_APART: Final = 0.12  # of a digit's height, that two seams differ by on average
_LEAN: Final = np.float32(0.15)  # what a pixel sideways costs, in pixels of ink
_LEANS: Final = (0.0, 0.4)  # sideways per pixel downwards: upright, and as most who write with a slant
_INK_MAX: Final = 0.8  # of a digit's height: a seam through more ink is none
_FAR: Final = np.float32(1e6)  # what a seam costs that leaves its reach
_SEAM_HEIGHT_PX: Final = 48  # seams are sought at this height of digits at most


@dataclass(frozen=True, slots=True)
class Cut:
    """`columns` int (height): the first pixel to the right of the cut, line by line. `ink_px`: ink it goes through.

    `strokes`: how many strokes it crosses; `hole_px`: how much paper it goes through that ink encloses. Digits mostly
    touch in one place, while a cut through a 0 crosses two strokes and the hole between them.
    """

    columns: npt.NDArray[np.intp]
    ink_px: float
    strokes: int
    hole_px: int


def cuts(ink: npt.NDArray[np.bool_], digit_px: float) -> list[Cut]:
    """Likely cuts through a part (H,W), left to right, none crossing another; [] where it is too slim for two digits."""
    height, width = ink.shape
    if width < _NARROWEST * digit_px:
        return []
    factor = max(1, round(digit_px / _SEAM_HEIGHT_PX))
    small = ink.astype(np.float32)
    if factor > 1:
        size = max(1, width // factor), max(1, height // factor)
        small = np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_AREA), np.float32)
    unit = digit_px / factor
    most = _SLIM_CUTS_MAX if width < _SLIM * digit_px else len(small)
    found = _distinct(_seams(small, unit), unit, most)
    holes = _holes(ink)
    return [_cut(ink, holes, _enlarged(columns, factor, height), ink_px * factor) for columns, ink_px in found]


def _cut(ink: npt.NDArray[np.bool_], holes: npt.NDArray[np.bool_], columns: npt.NDArray[np.intp], ink_px: float) -> Cut:
    lines = np.arange(len(columns))
    along = ink[lines, columns]
    strokes = int(along[0]) + int(np.count_nonzero(along[1:] & ~along[:-1]))
    return Cut(columns, ink_px, strokes, int(np.count_nonzero(holes[lines, columns])))


def _holes(ink: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """The paper that is enclosed by ink, (H,W)."""
    paper = np.pad(~ink, 1, constant_values=True).astype(np.uint8)
    _, labels = cv2.connectedComponents(paper, connectivity=4)
    return np.asarray((labels > 0) & (labels != labels[0, 0]))[1:-1, 1:-1]


def _seams(ink: npt.NDArray[np.float32], unit_px: float) -> list[tuple[npt.NDArray[np.intp], float]]:
    """The best seam through each place that is tried: of all paths that stay in reach of it the cheapest."""
    height, width = ink.shape
    first, last = _END * unit_px, width - _END * unit_px
    every = np.linspace(first, last, max(2, round((last - first) / (_STEP * unit_px)) + 1))
    places, leans = (grid.reshape(-1) for grid in np.meshgrid(every, _LEANS))
    reach = max(2, round(_REACH * unit_px))
    lines = np.arange(height)
    middles = places[:, None] + leans[:, None] * ((height - 1) / 2 - lines)  # (places, height)
    starts = np.rint(middles).astype(np.intp) - reach
    within = starts[..., None] + np.arange(2 * reach + 1)  # (places, height, 2 × reach + 1)
    outside = (within < 1) | (within > width - 1)
    windows = np.where(outside, _FAR, ink[lines[:, None], np.clip(within, 0, width - 1)])
    steps = np.zeros((height, len(places), 2 * reach + 1), np.int8)
    cost = windows[:, 0].copy()
    padded = np.full((len(places), 2 * reach + 3), _FAR, np.float32)
    for line in range(1, height):
        padded[:, 1:-1] = cost
        left, right = padded[:, :-2] + _LEAN, padded[:, 2:] + _LEAN
        cost = np.minimum(cost, np.minimum(left, right))
        steps[line] = np.where(cost == padded[:, 1:-1], 0, np.where(cost == left, -1, 1))
        cost = cost + windows[:, line]
    columns = np.empty((height, len(places)), np.intp)
    each = np.arange(len(places))
    # Of equally cheap ends the middle one.
    cheap = cost <= cost.min(axis=1, keepdims=True) + 1e-3
    columns[-1] = [int(ends[len(ends) // 2]) for ends in (np.flatnonzero(row) for row in cheap)]
    for line in range(height - 1, 0, -1):
        columns[line - 1] = np.clip(columns[line] + steps[line, each, columns[line]], 0, 2 * reach)
    columns += starts.T
    columns = np.clip(columns, 0, width - 1)
    through = ink[lines[:, None], columns].sum(axis=0)
    through[cost.min(axis=1) >= _FAR] = _FAR  # it leans out of the box
    return [(columns[:, i], float(through[i])) for i in each if through[i] <= _INK_MAX * unit_px]


def _distinct(
    seams: list[tuple[npt.NDArray[np.intp], float]], unit_px: float, most: int
) -> list[tuple[npt.NDArray[np.intp], float]]:
    """At most `most` of them, left to right: the cheapest of those that nearly coincide, none crossing another."""
    kept: list[tuple[npt.NDArray[np.intp], float]] = []
    for columns, ink_px in sorted(seams, key=lambda seam: seam[1]):
        if all(float(np.abs(columns - other).mean()) >= _APART * unit_px for other, _ in kept):
            kept.append((columns, ink_px))
    kept = sorted(kept[:most], key=lambda seam: float(seam[0].mean()))
    # Where two cross, the right one gives way.
    for (left, _), (right, _) in pairwise(kept):
        np.maximum(left, right, out=right)
    return kept


def _enlarged(columns: npt.NDArray[np.intp], factor: int, height: int) -> npt.NDArray[np.intp]:
    if factor == 1:
        return columns
    lines = np.minimum(np.arange(height) // factor, len(columns) - 1)
    return columns[lines] * factor
