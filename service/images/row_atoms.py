"""The ink of a row → atoms: the smallest bits that a digit may be put together from, left to right.

    mask → parts → those on the row, less specks → cut where digits may touch → atoms

An atom is a part, or a slice of one. Where a part may hold several digits it is cut in every likely place: to cut too
often is mended later, by joining atoms again; to cut too rarely is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from service.images.parts import Parts, parts_of
from service.images.row_cuts import Cut, cuts
from service.images.row_lines import typical_height_px

PARTS_MAX: Final = 96
"""More than a row has: then nothing is cut, and the largest are kept."""

_SPECK_HEIGHT: Final = 0.15  # of a digit's height; lower and narrower than this is dirt
_BAND: Final = 0.25  # of a part's height that lies on the row, at least
_WHOLE_HEIGHT: Final = 0.55  # of a digit's height: lower than this a part is likely a piece of one
_OVERLAP: Final = 0.6  # of the smaller part's width: above one another, they are one digit
_NEAR: Final = 0.35  # of a digit's height


@dataclass(frozen=True, slots=True)
class Atoms:
    """`labels` int32 (H,W) counts the atoms from 1, left to right; 0 is paper or dirt.

    `boxes` int (atoms, 4): x, y, width, height. `cuts`: the cut on each atom's left; None where there is paper between it
    and the one before.
    """

    labels: npt.NDArray[np.int32]
    boxes: npt.NDArray[np.int32]
    cuts: tuple[Cut | None, ...]
    line: tuple[float, float]
    """Slope, and the y at x = 0, of the line through the middle of the row's large parts."""
    digit_px: float
    """The typical height of a digit in this row."""


def atoms_of(mask: npt.NDArray[np.uint8]) -> Atoms:
    """The atoms of a mask (H,W) of 0 and 255 that holds some ink."""
    parts = parts_of(mask)
    digit_px = typical_height_px(parts)
    line = _line(parts, digit_px)
    kept = _on_the_row(parts, line, digit_px)
    groups = _joined(parts, kept, digit_px)
    groups.sort(key=lambda group: -sum(int(parts.area[i]) for i in group))
    groups = groups[:PARTS_MAX]
    labels = np.zeros(mask.shape, np.int32)
    found: list[tuple[float, int, Cut | None]] = []  # centre, label, cut
    following = 1
    may_cut = len(groups) <= PARTS_MAX // 2
    for group in groups:
        box = _union(parts, group)
        left, top, width, height = box
        inside = np.s_[top : top + height, left : left + width]
        own = np.isin(parts.labels[inside], [i + 1 for i in group])
        places = cuts(own, digit_px) if may_cut else []
        slices = np.zeros(own.shape, np.int32)
        columns = np.arange(width)
        for place in places:
            slices += columns >= place.columns[:, None]
        for number in range(len(places) + 1):
            piece = own & (slices == number)
            if not piece.any():
                continue
            labels[inside][piece] = following
            occupied = np.flatnonzero(piece.any(axis=0))
            cut = places[number - 1] if number else None
            found.append((left + (occupied[0] + occupied[-1]) / 2, following, cut))
            following += 1
    labels, in_order = _in_order(labels, found)
    return Atoms(labels, _boxes(labels, len(found)), in_order, line, digit_px)


def _line(parts: Parts, digit_px: float) -> tuple[float, float]:
    large = parts.height >= _WHOLE_HEIGHT * digit_px
    middle_x, middle_y = parts.left + parts.width / 2, parts.top + parts.height / 2
    slope, at_zero = 0.0, float(np.median(middle_y[large]))
    if np.count_nonzero(large) >= 3:
        # Theil–Sen: the median of the slopes between any two, which a few strangers do not bend.
        x, y = middle_x[large][:64], middle_y[large][:64]
        first, second = np.triu_indices(len(x), 1)
        apart = np.abs(x[second] - x[first]) >= 0.5 * digit_px
        if apart.any():
            slope = float(np.median((y[second] - y[first])[apart] / (x[second] - x[first])[apart]))
            at_zero = float(np.median(y - slope * x))
    return slope, at_zero


def _on_the_row(parts: Parts, line: tuple[float, float], digit_px: float) -> list[int]:
    """Parts that are no specks and lie on the line through the large ones."""
    slope, at_zero = line
    middle = at_zero + slope * (parts.left + parts.width / 2)
    above = np.maximum(parts.top, middle - 0.6 * digit_px)
    below = np.minimum(parts.top + parts.height, middle + 0.6 * digit_px)
    on_row = below - above >= _BAND * parts.height
    sizeable = np.maximum(parts.height, parts.width) >= _SPECK_HEIGHT * digit_px
    return [int(i) for i in np.flatnonzero(on_row & sizeable)]


def _joined(parts: Parts, kept: list[int], digit_px: float) -> list[list[int]]:
    """Groups of parts that are one digit in pieces: a low part goes to the one it lies above, below or within."""
    whole = [i for i in kept if parts.height[i] >= _WHOLE_HEIGHT * digit_px]
    groups = {i: [i] for i in whole}
    loose: list[int] = []
    for i in kept:
        if i in groups:
            continue
        best, shared = None, _OVERLAP * int(parts.width[i])
        for j in whole:
            common = _shared(int(parts.left[i]), int(parts.width[i]), int(parts.left[j]), int(parts.width[j]))
            if common > shared and _gap_down(parts, i, j) <= _NEAR * digit_px:
                best, shared = j, common
        if best is None:
            loose.append(i)
        else:
            groups[best].append(i)
    # Two low parts above one another: a digit broken in the middle.
    stacks: list[list[int]] = []
    for i in loose:
        for stack in stacks:
            j = stack[0]
            common = _shared(int(parts.left[i]), int(parts.width[i]), int(parts.left[j]), int(parts.width[j]))
            narrower = min(int(parts.width[i]), int(parts.width[j]))
            if common > _OVERLAP * narrower and _gap_down(parts, i, j) <= _NEAR * digit_px:
                stack.append(i)
                break
        else:
            stacks.append([i])
    return [*groups.values(), *stacks]


def _shared(start: int, length: int, other_start: int, other_length: int) -> int:
    return max(0, min(start + length, other_start + other_length) - max(start, other_start))


def _gap_down(parts: Parts, i: int, j: int) -> float:
    bottoms = parts.top[[i, j]] + parts.height[[i, j]]
    return float(max(parts.top[[i, j]]) - min(bottoms))


def _union(parts: Parts, group: list[int]) -> tuple[int, int, int, int]:
    left, top = int(parts.left[group].min()), int(parts.top[group].min())
    right = int((parts.left[group] + parts.width[group]).max())
    bottom = int((parts.top[group] + parts.height[group]).max())
    return left, top, right - left, bottom - top


def _in_order(
    labels: npt.NDArray[np.int32], found: list[tuple[float, int, Cut | None]]
) -> tuple[npt.NDArray[np.int32], tuple[Cut | None, ...]]:
    found.sort(key=lambda atom: atom[:2])
    new_label: npt.NDArray[Any] = np.zeros(len(found) + 1, np.int32)
    for position, (_, label, _) in enumerate(found):
        new_label[label] = position + 1
    return new_label[labels], tuple(cut for _, _, cut in found)


def _boxes(labels: npt.NDArray[np.int32], count: int) -> npt.NDArray[np.int32]:
    """(count, 4): x, y, width, height of the labels from 1 on."""
    y, x = np.nonzero(labels)
    at = labels[y, x] - 1
    boxes = np.empty((count, 4), np.int32)
    for side, values in enumerate((x, y)):
        first, last = np.full(count, np.iinfo(np.int32).max), np.zeros(count, np.intp)
        np.minimum.at(first, at, values)
        np.maximum.at(last, at, values)
        boxes[:, side], boxes[:, side + 2] = first, last - first + 1
    return boxes
