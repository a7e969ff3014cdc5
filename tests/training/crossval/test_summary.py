"""Mean, deviation and interval over folds, against figures worked out otherwise."""

from __future__ import annotations

import json
import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.crossval import CrossValidation, estimate
from training.crossval.show import show
from training.trials import TrialResult


def result(correct: int, loss: float, recalls: tuple[float, ...] = (0.5, 1.0)) -> TrialResult:
    return TrialResult(loss, correct / 100, correct, 100, recalls, 3.0, ({"epoch": 1, "val_loss": loss},))


def validation(*folds: TrialResult) -> CrossValidation:
    return CrossValidation("python -m training crossval", "mlp", 500, 1234, 5678, ("0", "1"), folds)


def test_a_sample_by_hand() -> None:
    # t(0.975, 4) is 2.776 in any table; s² = (4 + 1 + 0 + 1 + 4) / 4.
    found = estimate([2.0, 3.0, 4.0, 5.0, 6.0])
    assert found.mean == 4.0
    assert found.deviation == pytest.approx(math.sqrt(2.5))
    assert found.high - found.mean == pytest.approx(2.776 * math.sqrt(2.5 / 5), abs=1e-3)
    assert found.mean - found.low == pytest.approx(found.high - found.mean)


@given(st.lists(st.floats(0.0, 1.0), min_size=2, max_size=12))
def test_the_interval_holds_the_mean_and_stays_in_bounds(values: list[float]) -> None:
    found = estimate(values, at_most=1.0)
    assert 0.0 <= found.low <= found.mean + 1e-12
    assert found.mean - 1e-12 <= found.high <= 1.0
    assert found.deviation == pytest.approx(statistics.stdev(values), abs=1e-9)


def test_each_class_has_its_estimate() -> None:
    found = validation(result(90, 0.3, (0.8, 1.0)), result(94, 0.2, (0.9, 1.0)))
    assert found.recalls["0"].mean == pytest.approx(0.85)
    assert found.recalls["1"].deviation == 0.0
    assert found.accuracy.mean == pytest.approx(0.92)
    assert found.loss.mean == pytest.approx(0.25)


def test_shown_for_people() -> None:
    found = validation(result(90, 0.3), result(94, 0.2), result(92, 0.25))
    text, markdown = show(found, "text"), show(found, "markdown")
    assert "3 folds of 500 pictures, 1,234 parameters, 5,678 MACs" in text
    assert "| 2 | 0.2000 | 94.00% | 94 of 100 | 3 s |" in markdown
    # 2 ± 4.303 · 2 / √3 per cent around 92.
    assert "| accuracy | 92.00% | 2.00% | 87.03% – 96.97% |" in markdown
    assert "python -m training crossval" in markdown


def test_shown_for_programs() -> None:
    document = json.loads(show(validation(result(10, 2.5), result(94, 0.2)), "json"))
    assert document["loss"]["mean"] == pytest.approx(1.35)
    assert document["loss"]["low"] == 0.0
    assert document["folds"][1]["correct"] == 94
    assert document["recall"]["1"]["mean"] == 1.0
