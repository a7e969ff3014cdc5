"""A picture with a row of digits → the pieces of it that may be one digit each, ready for the model.

    bytes ── row_ink.py ──▶ ink without lines ── row_atoms.py ──▶ atoms ── here ──▶ pieces, each uint8 (28,28)

Which pieces are the digits is not decided here, since only the model can tell: every piece is classified, and
`service.reading_path` chooses those that together read best.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from service.images.canon import SIDE_PX, centred, fitted
from service.images.ink import cropped, thickened
from service.images.limits import DEFAULT_LIMITS, PictureLimits
from service.images.row_atoms import Atoms, atoms_of
from service.images.row_ink import RowInk, row_ink

Box = tuple[int, int, int, int]
"""x, y, width, height, in pixels of the picture as sent, upright."""

_WIDEST: Final = 1.5  # of the row's digit height: no digit is wider
_FARTHEST: Final = 0.2  # of the row's digit height: no digit has a larger gap in it
_SOFT: Final = 0.05  # of the row's digit height: how far beyond its mask a piece may fade out
_ATOMS_MAX: Final = 12  # in one piece


@dataclass(frozen=True, slots=True)
class Piece:
    """Atoms `first` to `last`, both included, taken for one digit. Lengths are in heights of the row's digits."""

    first: int
    last: int
    box: Box
    width: float
    height: float
    gap: float
    """The widest paper between atoms of it; below 0 where they overlap."""
    cut_left: float
    """Ink that the cut on its left goes through; 0 where there is none."""
    cut_right: float
    cut_within: float
    """The least ink that a cut through it would take; 0 if paper does, infinite if there is none."""
    strokes_left: int = 0
    """How many strokes the cut on its left crosses."""
    hole_left: float = 0.0
    """How much enclosed paper the cut on its left goes through: what was cut is likely a loop."""
    stray: float = 0.0
    """How far its middle lies from the row's."""

    @property
    def is_split(self) -> bool:
        """Whether it was cut off ink that belongs to a neighbour."""
        return self.cut_left > 0 or self.cut_right > 0


@dataclass(frozen=True, slots=True)
class Row:
    """`pieces` in the order of their first atoms, `images` uint8 (pieces, 28, 28, 1) of the same, white on black.

    Every atom lies in a piece of its own and in others with its neighbours, so at least one way through is always there.
    """

    size: tuple[int, int]
    """(width, height) of the picture as sent, upright, in pixels."""
    atoms: int
    pieces: tuple[Piece, ...]
    images: npt.NDArray[np.uint8]


def find_digits(data: bytes, limits: PictureLimits = DEFAULT_LIMITS) -> Row:
    """Decode a picture and find what may be its digits. Blocks for some milliseconds.

    :raise UndecodablePictureError: empty, cut short, damaged, or nothing known.
    :raise UnsupportedMediaTypeError: a format that is not accepted.
    :raise PayloadTooLargeError: more pixels than `limits` allow.
    :raise BlankPictureError: there is nothing on it, or only lines.
    """
    ink = row_ink(data, limits)
    atoms = atoms_of(ink.mask)
    pieces, images = [], []
    for first in range(len(atoms.boxes)):
        for last in range(first, min(first + _ATOMS_MAX, len(atoms.boxes))):
            piece = _piece(atoms, ink, first, last)
            if last > first and (piece.width > _WIDEST or piece.gap > _FARTHEST):
                break
            pieces.append(piece)
            images.append(_image(atoms, ink, first, last))
    return Row(ink.size, len(atoms.boxes), tuple(pieces), np.stack(images).reshape(-1, SIDE_PX, SIDE_PX, 1))


def _piece(atoms: Atoms, ink: RowInk, first: int, last: int) -> Piece:
    boxes, unit_px = atoms.boxes[first : last + 1], atoms.digit_px
    left, top, width, height = _union(boxes)
    right_so_far = np.maximum.accumulate(boxes[:, 0] + boxes[:, 2])
    gaps = boxes[1:, 0] - right_so_far[:-1]
    cuts = atoms.cuts[first : last + 2]
    left_cut, right_cut = cuts[0], cuts[last - first + 1] if len(cuts) > last - first + 1 else None
    within = cuts[1 : last - first + 1]
    slope, at_zero = atoms.line
    stray_px = top + height / 2 - (at_zero + slope * (left + width / 2))
    return Piece(
        first,
        last,
        _as_sent(ink, left, top, width, height),
        width / unit_px,
        height / unit_px,
        float(gaps.max()) / unit_px if len(gaps) else 0.0,
        left_cut.ink_px / unit_px if left_cut else 0.0,
        right_cut.ink_px / unit_px if right_cut else 0.0,
        min((cut.ink_px / unit_px if cut else 0.0 for cut in within), default=float("inf")),
        left_cut.strokes if left_cut else 0,
        left_cut.hole_px / unit_px if left_cut else 0.0,
        abs(stray_px) / unit_px,
    )


def _image(atoms: Atoms, ink: RowInk, first: int, last: int) -> npt.NDArray[np.uint8]:
    """The piece alone, as the model knows digits: uint8 (28,28)."""
    left, top, width, height = _union(atoms.boxes[first : last + 1])
    reach_px = max(1, round(_SOFT * atoms.digit_px))
    box = np.s_[max(top - reach_px, 0) : top + height + reach_px, max(left - reach_px, 0) : left + width + reach_px]
    labels = atoms.labels[box]
    own = (labels > first) & (labels <= last + 1)
    others = (labels > 0) & ~own
    # A little more all around, for the soft edges and the faint joints that the threshold cuts off; not where a
    # neighbour has its own.
    near = np.ones((2 * reach_px + 1, 2 * reach_px + 1), np.uint8)
    around = np.asarray(cv2.dilate(own.astype(np.uint8), near), bool) & ~others
    alone = np.where(around, ink.levels[box], np.uint8(0))
    # What is under the threshold may still be half as light as ink nowhere: then the mask itself is the shape.
    if alone.max(initial=0) <= 127:
        alone = own.astype(np.uint8) * np.uint8(255)
    return centred(fitted(thickened(cropped(alone))))


def _union(boxes: npt.NDArray[np.int32]) -> tuple[int, int, int, int]:
    left, top = int(boxes[:, 0].min()), int(boxes[:, 1].min())
    right, bottom = int((boxes[:, 0] + boxes[:, 2]).max()), int((boxes[:, 1] + boxes[:, 3]).max())
    return left, top, right - left, bottom - top


def _as_sent(ink: RowInk, left: int, top: int, width: int, height: int) -> Box:
    across, down = ink.scale
    x, y = int(left * across), int(top * down)
    right = min(ink.size[0], int(np.ceil((left + width) * across)))
    bottom = min(ink.size[1], int(np.ceil((top + height) * down)))
    return x, y, right - x, bottom - y
