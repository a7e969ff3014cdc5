"""Intervals and tests beside SciPy's, and beside worked examples of the papers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from training.evaluate.intervals import Interval, paired_comparison, unpaired_comparison, wilson_interval


@pytest.mark.parametrize(("hits", "total"), [(9963, 10_000), (0, 50), (50, 50), (1, 3), (4972, 5000)])
def test_wilsons_interval_is_scipys(hits: int, total: int) -> None:
    expected = binomtest(hits, total).proportion_ci(method="wilson")
    found = wilson_interval(hits, total)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_of_nothing_nothing_is_known() -> None:
    assert wilson_interval(0, 0) == Interval(0.0, 1.0)


def test_newcombes_own_example() -> None:
    """56 of 70 beside 48 of 80: table II of the paper, method 10."""
    found = unpaired_comparison(56, 48, 70, 80)
    assert found.difference == pytest.approx(0.2)
    assert (found.interval.low, found.interval.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert found.p_value is None
    assert found.significant


def test_mcnemar_by_hand() -> None:
    """Of ten pictures on which they differ two are the first's mistakes: 2 · (1 + 10 + 45) / 1024."""
    found = paired_comparison([0, 1, 50, 51], [2, 3, 4, 5, 6, 7, 8, 9, 50, 51], 100)
    assert found.p_value == pytest.approx(2 * 56 / 1024)
    assert found.difference == pytest.approx(0.06)
    assert found.interval.low < 0.0 < found.interval.high
    assert not found.significant


@pytest.mark.parametrize(("mine", "theirs"), [(0, 1), (3, 3), (37, 66), (400, 900)])
def test_mcnemar_is_scipys_binomial_test(mine: int, theirs: int) -> None:
    found = paired_comparison(range(mine), range(10_000, 10_000 + theirs), 20_000)
    assert found.p_value == pytest.approx(binomtest(mine, mine + theirs).pvalue, rel=1e-9)


def test_one_that_is_clearly_worse() -> None:
    found = paired_comparison(range(40), range(30, 42), 1000)
    assert found.difference == pytest.approx(-0.028)
    assert found.interval.low < found.difference < found.interval.high < 0.0
    assert found.significant


def test_the_same_mistakes() -> None:
    found = paired_comparison([1, 2], [2, 1], 10)
    assert (found.difference, found.p_value, found.significant) == (0.0, 1.0, False)


def test_the_paired_interval_holds_the_truth_as_often_as_it_says(rng: np.random.Generator) -> None:
    held = 0
    for _ in range(300):
        draws = rng.random(500)
        found = paired_comparison(
            np.flatnonzero(draws < 0.05).tolist(), np.flatnonzero((draws > 0.03) & (draws < 0.1)).tolist(), 500
        )
        held += found.interval.low <= 0.02 <= found.interval.high
    assert 0.91 <= held / 300 <= 0.99
