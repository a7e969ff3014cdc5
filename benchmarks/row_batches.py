"""The ways through many rows at once: what fitting needs of `service.reading_path.Lattice`, a hundred rows a call.

Rows with about as many atoms go together, so that little is computed for nothing. Arrays are indexed (row, atom, …).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from service.images.rows import Piece

Floats = npt.NDArray[np.float64]

_NEVER = -1e30
"""The score of what cannot be; not infinite, so that differences are numbers."""


@dataclass(frozen=True)
class Sums:
    """What the ways through the rows of a batch come to.

    `likelihood` (rows): of the true reading, 0 where no way reads so. `used` and `used_so` (pieces): the probability that a
    piece is used, by all ways and by those that read truly; `told` and `told_so` (pieces) the same times what the model
    says of the class in question; `skipped`, `skipped_so` (pieces): that it is left out.
    """

    likelihood: Floats
    used: Floats
    used_so: Floats
    told: Floats
    told_so: Floats
    skipped: Floats
    skipped_so: Floats


class Batch:
    """Rows, each a sequence of `pieces` over `atoms` atoms that truly reads as its `digits`.

    `told` (pieces of all rows, classes) is what the model says; `may_skip` (pieces) which may be left out.
    """

    def __init__(
        self,
        atoms: Sequence[int],
        pieces: Sequence[Sequence[Piece]],
        digits: Sequence[Sequence[int]],
        told: Floats,
        may_skip: npt.NDArray[np.bool_],
    ) -> None:
        rows = len(pieces)
        self.row = np.repeat(np.arange(rows), [len(own) for own in pieces])
        self._stop = np.array([piece.last + 1 for own in pieces for piece in own])
        self._first = np.array([piece.first for own in pieces for piece in own])
        self._reach = int((self._stop - self._first).max())
        self._place = self.row, self._stop, self._stop - self._first - 1
        self._skips = np.flatnonzero(may_skip)
        self._atoms = max(atoms)
        self._length = np.array([len(own) for own in digits])
        wanted = np.zeros((rows, int(self._length.max())), np.intp)
        for number, own in enumerate(digits):
            wanted[number, : len(own)] = own
        self._told = told
        self._told_wanted = np.take_along_axis(told, wanted[self.row], axis=1)
        # Behind a row's last atom everything is left out, at no cost.
        self._pass = np.where(np.arange(self._atoms + 1) > np.array(atoms)[:, None], 0.0, _NEVER)

    def sums(self, fixed: Floats, told_weight: float, skips: Floats) -> Sums:
        """With `fixed` (pieces) what a piece scores whatever its class, and `skips` (pieces) what leaving it out does."""
        skip = self._pass.copy()
        skip[self.row[self._skips], self._stop[self._skips]] = skips[self._skips]
        by_class = told_weight * self._told
        totals = _log_sum(by_class, 1)
        every = self._through((fixed + totals)[:, None], skip, counted=False)
        so = self._through(fixed[:, None] + told_weight * self._told_wanted, skip, counted=True)
        possible = so.total > _NEVER / 2
        likelihood = np.where(possible, np.exp(np.minimum(so.total - every.total, 0.0)), 0.0)
        used, used_so = every.used[:, 0], so.used * possible[self.row, None]
        return Sums(
            likelihood,
            used,
            used_so.sum(axis=1),
            used * (np.exp(by_class - totals[:, None]) * self._told).sum(axis=1),
            (used_so * self._told_wanted).sum(axis=1),
            every.skipped,
            so.skipped * possible[self.row],
        )

    def _through(self, own: Floats, skip: Floats, *, counted: bool) -> _Through:
        """Forward and backward. `own` (pieces, positions): the score of a piece as the n-th digit, where `counted`."""
        rows, positions, step = len(skip), own.shape[1], int(counted)
        places, reach = positions + step, self._reach
        scores = np.full((rows, self._atoms + 1 + reach, reach, positions), _NEVER)
        scores[self._place] = own
        end = self._length if counted else np.zeros(rows, np.intp)
        ahead = np.full((rows, reach + self._atoms + 1, places), _NEVER)  # atom 0 lies at `reach`
        ahead[:, reach, 0] = 0.0
        for stop in range(1, self._atoms + 1):
            now = ahead[:, reach + stop - 1] + skip[:, stop, None]
            before = ahead[:, stop : stop + reach][:, ::-1]
            moved = _log_sum(before[:, :, :positions] + scores[:, stop], 1)
            now[:, step:] = np.logaddexp(now[:, step:], moved)
            ahead[:, reach + stop] = now
        behind = np.full((rows, self._atoms + 1 + reach, places), _NEVER)
        behind[np.arange(rows), self._atoms, end] = 0.0
        spans = np.arange(reach)
        for first in range(self._atoms - 1, -1, -1):
            now = behind[:, first + 1] + skip[:, first + 1, None]
            onward = behind[:, first + 1 : first + 1 + reach, step:] + scores[:, first + 1 + spans, spans]
            now[:, :positions] = np.logaddexp(now[:, :positions], _log_sum(onward, 1))
            behind[:, first] = now
        total = ahead[np.arange(rows), reach + self._atoms, end]
        ways = ahead[self.row, reach + self._first, :positions] + own + behind[self.row, self._stop, step:]
        row, before, after = (index[self._skips] for index in (self.row, self._first, self._stop))
        left_out = _log_sum(ahead[row, reach + before] + behind[row, after], 1) + skip[row, after]
        skipped = np.zeros(len(self.row))
        skipped[self._skips] = np.exp(np.minimum(left_out - total[row], 0.0))
        return _Through(total, np.exp(np.minimum(ways - total[self.row, None], 0.0)), skipped)


@dataclass(frozen=True)
class _Through:
    """`total` (rows); `used` (pieces, positions) and `skipped` (pieces) are probabilities among the ways counted."""

    total: Floats
    used: Floats
    skipped: Floats


def _log_sum(values: Floats, axis: int) -> Floats:
    highest = values.max(axis=axis, keepdims=True)
    return np.asarray(np.log(np.exp(values - highest).sum(axis=axis)) + highest.squeeze(axis))
