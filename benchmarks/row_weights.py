"""Fitting what `service.reading_path` weighs pieces by, to rows whose digits are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from benchmarks.row_batches import Batch
from service.reading_path import (
    FEATURES,
    SKIP_FEATURES,
    SKIP_WEIGHTS,
    WEIGHTS,
    log_told,
    piece_features,
    skip_features,
)

if TYPE_CHECKING:
    from benchmarks.rows import Sample

Floats = npt.NDArray[np.float64]

# A reading that the lattice cannot hold – a digit lost with its line – would outweigh a thousand others: so many of the
# readings are taken to be beyond the model.
_LOST = 0.01
_DECAY = 1e-4
_TOLD = FEATURES.index("log_probability")
_AT_ONCE = 48


@dataclass(frozen=True)
class _Case:
    """Rows with all that does not change while fitting. `may_skip` and the features are by piece."""

    batch: Batch
    features: Floats
    skip_features: Floats
    rows: int


def fit(samples: Sequence[Sample], reject_above: float | None) -> tuple[Floats, Floats]:
    """Print and return the weights that make the true readings likeliest; minutes for some thousand rows.

    The gradient of a reading's log-likelihood is the mean of the features over the ways that read so, less that over all
    ways (Sarawagi & Cohen, 2004).
    """
    found = [sample for sample in samples if sample.row is not None]
    found.sort(key=lambda sample: sample.row.atoms)  # type: ignore[union-attr]
    cases = [_case(found[at : at + _AT_ONCE], reject_above) for at in range(0, len(found), _AT_ONCE)]
    start = np.concatenate([WEIGHTS, SKIP_WEIGHTS])
    best = minimize(_loss, start, args=(cases,), jac=True, method="L-BFGS-B", options={"maxiter": 100})
    for name, weight in zip((*FEATURES, *SKIP_FEATURES), best.x, strict=True):
        print(f'    "{name}": {weight:.2f},')
    print(f"loss {best.fun:.4f}")
    return best.x[: len(FEATURES)], best.x[len(FEATURES) :]


def _case(samples: Sequence[Sample], reject_above: float | None) -> _Case:
    rows = [sample.row for sample in samples if sample.row is not None]
    features = [
        piece_features(row.pieces, sample.energy, reject_above) for row, sample in zip(rows, samples, strict=True)
    ]
    skips = np.concatenate([skip_features(row.pieces) for row in rows])
    batch = Batch(
        [row.atoms for row in rows],
        [row.pieces for row in rows],
        [sample.digits for sample in samples],
        np.concatenate([log_told(sample.probabilities) for sample in samples]),
        ~np.isnan(skips[:, 0]),
    )
    return _Case(batch, np.concatenate(features), np.nan_to_num(skips), len(rows))


def _loss(weights: Floats, cases: Sequence[_Case]) -> tuple[float, Floats]:
    own, skip = weights[: len(FEATURES)], weights[len(FEATURES) :]
    loss, gradient = 0.0, np.zeros_like(weights)
    for case in cases:
        # The column of what the model says is 0 in the features; it comes in by class.
        sums = case.batch.sums(case.features @ own, float(own[_TOLD]), case.skip_features @ skip)
        lost = _LOST + (1 - _LOST) * sums.likelihood
        loss -= float(np.log(lost).sum())
        share = ((1 - _LOST) * sums.likelihood / lost)[case.batch.row]
        towards = (share * (sums.used_so - sums.used)) @ case.features
        towards[_TOLD] = float(share @ (sums.told_so - sums.told))
        gradient[: len(FEATURES)] -= towards
        gradient[len(FEATURES) :] -= (share * (sums.skipped_so - sums.skipped)) @ case.skip_features
    rows = sum(case.rows for case in cases)
    return loss / rows + _DECAY * float(weights @ weights), gradient / rows + 2 * _DECAY * weights
