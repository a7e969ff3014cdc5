"""Fitting what `service.reading_path` weighs pieces by, to rows whose digits are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize  # type: ignore[import-untyped]  # it ships no types

from service.reading_path import (
    FEATURES,
    SKIP_FEATURES,
    SKIP_WEIGHTS,
    WEIGHTS,
    Lattice,
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
_DECAY = 1e-3
_TOLD = FEATURES.index("log_probability")


@dataclass(frozen=True)
class _Case:
    """A row with all that does not change while fitting."""

    sample: Sample
    features: Floats
    told: Floats
    skip_features: Floats


def fit(samples: Sequence[Sample], reject_above: float | None) -> tuple[Floats, Floats]:
    """Print and return the weights that make the true readings likeliest; minutes for a thousand rows.

    The gradient of a reading's log-likelihood is the mean of the features over the ways that read so, less that over all
    ways (Sarawagi & Cohen, 2004).
    """
    cases = [
        _Case(
            sample,
            piece_features(sample.row.pieces, sample.energy, reject_above),
            log_told(sample.probabilities),
            skip_features(sample.row.pieces),
        )
        for sample in samples
        if sample.row is not None
    ]
    start = np.concatenate([WEIGHTS, SKIP_WEIGHTS])
    found = minimize(_loss, start, args=(cases,), jac=True, method="L-BFGS-B", options={"maxiter": 40})
    for name, weight in zip((*FEATURES, *SKIP_FEATURES), found.x, strict=True):
        print(f"{name:18}{weight:8.3f}")
    print(f"loss {found.fun:.4f}")
    return found.x[: len(FEATURES)], found.x[len(FEATURES) :]


def _loss(weights: Floats, cases: Sequence[_Case]) -> tuple[float, Floats]:
    loss, gradient = 0.0, np.zeros_like(weights)
    for case in cases:
        scores, skips = _scores(weights, case)
        lattice = Lattice(case.sample.row.atoms, case.sample.row.pieces, scores, skips)  # type: ignore[union-attr]
        so, so_total = lattice.marginals_of(case.sample.digits)
        every, total = lattice.marginals()
        likelihood = np.exp(so_total - total) if np.isfinite(so_total) else 0.0
        loss -= float(np.log(_LOST + (1 - _LOST) * likelihood))
        if likelihood == 0.0:
            continue
        share = (1 - _LOST) * likelihood / (_LOST + (1 - _LOST) * likelihood)
        gradient -= share * (_means(so, case) - _means(every, case))
    return loss / len(cases) + _DECAY * float(weights @ weights), gradient / len(cases) + 2 * _DECAY * weights


def _scores(weights: Floats, case: _Case) -> tuple[Floats, Floats]:
    own, skip = weights[: len(FEATURES)], weights[len(FEATURES) :]
    scores = (case.features @ own)[:, None] + own[_TOLD] * case.told
    skips = case.skip_features @ skip
    return scores, np.where(np.isnan(skips), -np.inf, skips)


def _means(marginals: Floats, case: _Case) -> Floats:
    """The features' means over ways in which pieces and classes have these probabilities."""
    used = marginals.sum(axis=1)
    means = used @ case.features
    means[_TOLD] = float((marginals * case.told).sum())
    # What may be left out is a single atom that nothing else but joins can use: left out is the rest.
    return np.concatenate([means, _skipped(used, case) @ np.nan_to_num(case.skip_features)])


def _skipped(used: Floats, case: _Case) -> Floats:
    """The probability that each piece which may be dirt is left out: that its atom is in no piece that is used."""
    pieces = case.sample.row.pieces  # type: ignore[union-attr]
    skipped = np.zeros(len(pieces))
    for i, piece in enumerate(pieces):
        if not np.isnan(case.skip_features[i, 0]):
            holding = [j for j, other in enumerate(pieces) if other.first <= piece.first <= other.last]
            skipped[i] = 1.0 - used[holding].sum()
    return skipped
