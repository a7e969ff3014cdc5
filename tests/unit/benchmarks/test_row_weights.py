"""Many rows at once come to the same as one by one, and the slope that fitting follows is that of what it minimises."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import approx_fprime

from benchmarks import row_weights
from benchmarks.row_batches import Batch
from benchmarks.rows import Sample
from service.images.rows import Piece, Row
from service.reading_path import SKIP_WEIGHTS, WEIGHTS, Lattice, may_be_dirt

THRESHOLD = -2.8


def row(seed: int, atoms: int) -> Sample:
    """Pieces of up to three atoms with lengths, cuts and answers at random; some low enough to be dirt."""
    rng = np.random.default_rng(seed)
    pieces = tuple(
        Piece(
            first,
            last,
            (10 * first, 0, 10 * (last - first + 1), 15),
            width=float(rng.uniform(0.1, 1.4)),
            height=float(rng.uniform(0.1, 1.4)),
            gap=float(rng.uniform(-0.1, 0.2)),
            cut_left=float(rng.choice([0.0, 0.2])),
            cut_right=float(rng.choice([0.0, 0.2])),
            cut_within=float(rng.choice([0.0, 0.1, np.inf])),
            strokes_left=int(rng.integers(0, 3)),
            hole_left=float(rng.choice([0.0, 0.3])),
            stray=float(rng.uniform(0, 0.4)),
        )
        for first in range(atoms)
        for last in range(first, min(first + 3, atoms))
    )
    probabilities = rng.dirichlet(np.full(10, 0.2), len(pieces)).astype(np.float32)
    energy = rng.normal(THRESHOLD, 1, len(pieces)).astype(np.float32)
    images = np.zeros((len(pieces), 28, 28, 1), np.uint8)
    digits = tuple(rng.integers(0, 10, max(1, atoms - seed % 2)).tolist())
    return Sample("touching", digits, Row((100, 20), atoms, pieces, images), probabilities, energy)


SAMPLES = [row(seed, atoms) for seed, atoms in enumerate((1, 2, 4, 5, 5, 7))]


def test_many_rows_at_once_are_as_each_alone() -> None:
    rng = np.random.default_rng(0)
    rows = [sample.row for sample in SAMPLES if sample.row is not None]
    pieces = [piece for row in rows for piece in row.pieces]
    told, fixed, skips = (rng.normal(0, 1, shape) for shape in ((len(pieces), 10), len(pieces), len(pieces)))
    may_skip = np.array([may_be_dirt(piece) for piece in pieces])
    digits = [sample.digits for sample in SAMPLES]
    sums = Batch([row.atoms for row in rows], [row.pieces for row in rows], digits, told, may_skip).sums(
        fixed, 1.3, skips
    )
    ends = np.cumsum([0, *(len(row.pieces) for row in rows)])
    for number, (row, wanted) in enumerate(zip(rows, digits, strict=True)):
        own = np.s_[ends[number] : ends[number + 1]]
        scores = fixed[own, None] + 1.3 * told[own]
        lattice = Lattice(row.atoms, row.pieces, scores, np.where(may_skip[own], skips[own], -np.inf))
        every, total = lattice.marginals()
        so, so_total = lattice.marginals_of(wanted)
        np.testing.assert_allclose(sums.likelihood[number], np.exp(so_total - total), atol=1e-12)
        np.testing.assert_allclose(sums.used[own], every.sum(axis=1), atol=1e-12)
        np.testing.assert_allclose(sums.used_so[own], so.sum(axis=1), atol=1e-12)
        np.testing.assert_allclose(sums.told[own], (every * told[own]).sum(axis=1), atol=1e-12)
        np.testing.assert_allclose(sums.told_so[own], (so * told[own]).sum(axis=1), atol=1e-12)
        # Every atom is in a piece that is used, or left out.
        for atom in range(row.atoms):
            there = [i for i, piece in enumerate(row.pieces) if piece.first <= atom <= piece.last]
            assert sums.used[own][there].sum() + sums.skipped[own][there].sum() == pytest.approx(1.0)


def test_the_gradient_is_that_of_the_loss() -> None:
    cases = [row_weights._case(SAMPLES, THRESHOLD)]
    weights: NDArray[np.float64] = np.concatenate([WEIGHTS, SKIP_WEIGHTS])
    _, gradient = row_weights._loss(weights, cases)
    numeric = approx_fprime(weights, lambda at: row_weights._loss(at, cases)[0], 1e-6)
    np.testing.assert_allclose(gradient, numeric, atol=1e-5)


def test_fitting_finds_the_true_readings_likelier(capsys: pytest.CaptureFixture[str]) -> None:
    start: NDArray[np.float64] = np.concatenate([WEIGHTS, SKIP_WEIGHTS])
    own, skip = row_weights.fit(SAMPLES, THRESHOLD)
    cases = [row_weights._case(SAMPLES, THRESHOLD)]
    assert row_weights._loss(np.concatenate([own, skip]), cases)[0] < row_weights._loss(start, cases)[0]
    assert '"log_probability"' in capsys.readouterr().out
