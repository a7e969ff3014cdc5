"""Which of a row's pieces are its digits: the way through all atoms that reads best, and how sure that is.

A semi-Markov conditional random field (Sarawagi & Cohen, NIPS 2004) over the atoms: a way through is a sequence of
pieces that use every atom once, low atoms aside, which may be dirt. Its score is the sum over its pieces of `WEIGHTS` ·
features – what the model says of the piece, and how it lies in the row – and its probability is exp(score) over the sum
of that over all ways and readings. So the confidences are probabilities of having cut *and* read well.

The weights maximise the likelihood of the true readings of 1,500 rows composed of digits that the model was not trained on
(`python -m benchmarks.rows --fit`), which is what makes the probabilities calibrated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from service.images.rows import Piece

Floats = npt.NDArray[np.float64]

SKIP_HEIGHT_MAX: Final = 0.55  # of the row's digit height: what is higher is no dirt
_WEIGHED: Final = {
    "piece": -1.93,  # every digit
    "log_probability": 1.17,  # of the class, by the model
    "energy_above": -6.51,  # beyond the card's threshold, relative to it: no digit
    "energy_below": -5.38,
    "is_cut": -1.48,  # on its left
    "cut_ink": -3.16,  # that the cut goes through
    "cut_strokes": -0.36,  # that the cut crosses, beyond the first
    "cut_loop": 1.23,  # the cut goes through a hole
    "cut_hole": -6.78,  # how much of it
    "single": -0.27,  # a single atom
    "gap": -0.01,  # within it
    "joins_over_paper": -0.69,
    "uncut_seam": -0.78,  # a seam through little ink that is left uncut
    "width": 0.51,
    "wide": -2.67,  # beyond 0.8 of the row's digit height
    "very_wide": -3.89,  # beyond 1.1 of it
    "broad": -2.83,  # wider than 0.9 of its own height
    "short": -5.49,  # lower than 0.9 of the row's digit height
    "low": -1.95,  # lower than 0.75 of it
    "slim": -0.37,  # slimmer than 0.25 of it
    "astray": -2.14,  # its middle lies more than 0.1 of it off the row's
}
_SKIP_WEIGHED: Final = {"skip": -2.6, "skip_height": -0.95}
FEATURES: Final = tuple(_WEIGHED)
SKIP_FEATURES: Final = tuple(_SKIP_WEIGHED)
WEIGHTS: Final = np.array(list(_WEIGHED.values()))
SKIP_WEIGHTS: Final = np.array(list(_SKIP_WEIGHED.values()))
_PROBABILITY_MIN: Final = 1e-4
_SAME_PLACE: Final = (
    0.5  # of the narrower box's width: pieces that share more are the same digit, cut a little otherwise
)


@dataclass(frozen=True, slots=True)
class ReadDigit:
    """`piece` is its position among the pieces, `confidence` the probability that this digit stands there."""

    piece: int
    digit: int
    confidence: float


@dataclass(frozen=True, slots=True)
class Reading:
    """`digits` left to right; `confidence`: the probability that the whole row reads so."""

    digits: tuple[ReadDigit, ...]
    confidence: float


def piece_features(pieces: Sequence[Piece], energy: npt.NDArray[np.float32], reject_above: float | None) -> Floats:
    """(pieces, FEATURES); the column `log_probability` is 0, since it differs by digit.

    `reject_above`: the energy beyond which the model's card rejects a picture; None where it states none. Energies have
    a scale of their own in every model, and this is the only mark on it.
    """
    if reject_above is None:
        above = below = np.zeros(len(pieces))
    else:
        relative = (energy.astype(np.float64) - reject_above) / max(abs(reject_above), 1e-6)
        above, below = np.clip(relative, 0.0, 0.6), np.clip(relative, -0.4, 0.0)
    rows = [
        (
            1.0,
            0.0,
            above[i],
            below[i],
            float(piece.cut_left > 0),
            piece.cut_left,
            max(piece.strokes_left - 1, 0.0),
            float(piece.hole_left > 0),
            piece.hole_left,
            float(piece.first == piece.last),
            max(piece.gap, 0.0),
            float(piece.cut_within == 0),
            float(np.exp(-4 * piece.cut_within)) if piece.cut_within > 0 else 0.0,
            piece.width,
            max(piece.width - 0.8, 0.0),
            max(piece.width - 1.1, 0.0),
            max(piece.width / max(piece.height, 0.1) - 0.9, 0.0),
            max(0.9 - piece.height, 0.0),
            max(0.75 - piece.height, 0.0),
            max(0.25 - piece.width, 0.0),
            max(piece.stray - 0.1, 0.0),
        )
        for i, piece in enumerate(pieces)
    ]
    return np.array(rows, np.float64).reshape(len(pieces), len(FEATURES))


def log_told(probabilities: npt.NDArray[np.float32]) -> Floats:
    """The log of what the model says, no less than that of 0.0001: beyond it is only how loudly it errs."""
    return np.log(np.maximum(probabilities.astype(np.float64), _PROBABILITY_MIN))


def skip_features(pieces: Sequence[Piece]) -> Floats:
    """(pieces, SKIP_FEATURES); NaN where a piece may not be left out."""
    rows = [(1.0, piece.height) if may_be_dirt(piece) else (np.nan, np.nan) for piece in pieces]
    return np.array(rows, np.float64).reshape(len(pieces), len(SKIP_FEATURES))


def may_be_dirt(piece: Piece) -> bool:
    """Whether a piece may be left out: a single low part that is not cut off another."""
    return piece.first == piece.last and not piece.is_split and piece.height < SKIP_HEIGHT_MAX


class Lattice:
    """All ways through a row. `scores` (pieces, classes) and `skips` (pieces; -inf: not to be left out) are in nats."""

    def __init__(self, atoms: int, pieces: Sequence[Piece], scores: Floats, skips: Floats) -> None:
        self._atoms = atoms
        self._spans = [(piece.first, piece.last + 1) for piece in pieces]
        self._scores = scores
        self._skips = skips
        self._totals = np.logaddexp.reduce(scores, axis=1)

    def best(self, digits: int | None = None) -> list[int]:
        """The pieces of the way that scores highest, each with its best class; [] if none has `digits` pieces."""
        width, step = (1, 0) if digits is None else (digits + 1, 1)
        best = np.full((self._atoms + 1, width), -np.inf)
        best[0, 0] = 0.0
        came: dict[tuple[int, int], tuple[int, int | None]] = {}
        for i, (first, stop) in enumerate(self._spans):
            for taken, gain in ((True, float(self._scores[i].max())), (False, float(self._skips[i]))):
                moved = step if taken else 0
                for count in range(width - moved):
                    score = best[first, count] + gain
                    if score > best[stop, count + moved]:
                        best[stop, count + moved] = score
                        came[stop, count + moved] = (i, count if taken else None)
        return self._walk(came, width - 1, step) if np.isfinite(best[-1, -1]) else []

    def _walk(self, came: dict[tuple[int, int], tuple[int, int | None]], count: int, step: int) -> list[int]:
        way: list[int] = []
        at = self._atoms
        while at:
            i, before = came[at, count]
            at = self._spans[i][0]
            if before is not None:
                way.append(i)
                count -= step
        return way[::-1]

    def marginals(self, digits: int | None = None) -> tuple[Floats, float]:
        """The probability of each piece and class (pieces, classes), and the log of the sum over all ways.

        With `digits`, among the ways with so many pieces.
        """
        width, step = (1, 0) if digits is None else (digits + 1, 1)
        ahead = np.full((self._atoms + 1, width), -np.inf)
        ahead[0, 0] = 0.0
        for i, (first, stop) in enumerate(self._spans):
            ahead[stop, step:] = np.logaddexp(ahead[stop, step:], ahead[first, : width - step] + self._totals[i])
            ahead[stop] = np.logaddexp(ahead[stop], ahead[first] + self._skips[i])
        behind = np.full((self._atoms + 1, width), -np.inf)  # by how many pieces lie before
        behind[-1, -1] = 0.0
        for i, (first, stop) in reversed(list(enumerate(self._spans))):
            onward = behind[stop, step:] + self._totals[i]
            behind[first, : width - step] = np.logaddexp(behind[first, : width - step], onward)
            behind[first] = np.logaddexp(behind[first], behind[stop] + self._skips[i])
        total = float(ahead[-1, -1])
        through = np.array(
            [np.logaddexp.reduce(ahead[first, : width - step] + behind[stop, step:]) for first, stop in self._spans]
        )
        return np.exp(through[:, None] + self._scores - total), total

    def marginals_of(self, classes: Sequence[int]) -> tuple[Floats, float]:
        """As `marginals`, among the ways that read exactly `classes`; the sum is -inf if there are none."""
        length = len(classes)
        wanted = np.asarray(classes, np.intp)
        scores = self._scores[:, wanted]  # (pieces, length)
        ahead = np.full((self._atoms + 1, length + 1), -np.inf)
        ahead[0, 0] = 0.0
        for i, (first, stop) in enumerate(self._spans):
            ahead[stop, 1:] = np.logaddexp(ahead[stop, 1:], ahead[first, :-1] + scores[i])
            ahead[stop] = np.logaddexp(ahead[stop], ahead[first] + self._skips[i])
        total = float(ahead[-1, -1])
        marginals = np.zeros_like(self._scores)
        if not np.isfinite(total):
            return marginals, total
        behind = np.full((self._atoms + 1, length + 1), -np.inf)
        behind[-1, -1] = 0.0
        for i, (first, stop) in reversed(list(enumerate(self._spans))):
            used = ahead[first, :-1] + scores[i] + behind[stop, 1:]
            np.add.at(marginals[i], wanted, np.exp(used - total))
            behind[first, :-1] = np.logaddexp(behind[first, :-1], behind[stop, 1:] + scores[i])
            behind[first] = np.logaddexp(behind[first], behind[stop] + self._skips[i])
        return marginals, total


def read_row(
    atoms: int,
    pieces: Sequence[Piece],
    probabilities: npt.NDArray[np.float32],
    energy: npt.NDArray[np.float32],
    reject_above: float | None,
    digits: int | None = None,
) -> Reading:
    """Choose the digits among `pieces`, given the model's answer to them; with `digits` exactly so many.

    Where the row cannot be taken apart into `digits` pieces, into as many as it seems to have.
    """
    fixed = piece_features(pieces, energy, reject_above) @ WEIGHTS
    scores = fixed[:, None] + WEIGHTS[FEATURES.index("log_probability")] * log_told(probabilities)
    skips = skip_features(pieces) @ SKIP_WEIGHTS
    lattice = Lattice(atoms, pieces, scores, np.where(np.isnan(skips), -np.inf, skips))
    way = lattice.best(digits)
    if not way:
        digits = None
        way = lattice.best()
    marginals, total = lattice.marginals(digits)
    classes = [int(scores[i].argmax()) for i in way]
    found = tuple(
        ReadDigit(i, digit, _there(pieces, marginals[:, digit], i)) for i, digit in zip(way, classes, strict=True)
    )
    return Reading(found, min(1.0, float(np.exp(lattice.marginals_of(classes)[1] - total))))


def _there(pieces: Sequence[Piece], marginal: Floats, chosen: int) -> float:
    """The probability of one class where `chosen` lies, in that piece or another that is cut a little otherwise."""
    left, _, width, _ = pieces[chosen].box
    sums = 0.0
    for probability, piece in zip(marginal, pieces, strict=True):
        common = min(left + width, piece.box[0] + piece.box[2]) - max(left, piece.box[0])
        if common > _SAME_PLACE * max(width, piece.box[2]):
            sums += float(probability)
    return min(1.0, sums)
