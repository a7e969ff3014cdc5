"""Reports and comparisons out of cards."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from service.catalogue import ModelVersion
from service.errors import NotApplicableError
from service.inspection import reports

CARD = {
    "labels": ["0", "1"],
    "input": {"shape": [28, 28, 1]},
    "dataset": {"name": "mnist"},
    "architecture": {"parameters": 12, "macs": 34},
    "history": [{"epoch": 1, "seconds": 2.0}, {"epoch": 2, "seconds": 4.0}],
    "metrics": {"test": {"accuracy": 0.9, "correct": 90, "total": 100, "loss": 0.3, "ece": 0.01}},
    "files": {"a": {"bytes": 5}, "b": {"bytes": 7}, "assets.extra/report.html": {"bytes": 100}},
    "secret": "x",
}


def test_a_report_is_what_the_card_tells() -> None:
    found = reports.document(ModelVersion("cnn", 3, "available", card=CARD))
    assert (found["model"], found["version"]) == ("cnn", 3)
    assert found["history"] == CARD["history"]
    assert found["metrics"] == CARD["metrics"]
    assert "secret" not in found
    with pytest.raises(NotApplicableError, match="other/1"):
        reports.document(ModelVersion("other", 1, "available", card={"labels": []}))


def test_figures_side_by_side() -> None:
    with_card, without = reports.comparison(
        [ModelVersion("cnn", 3, "available", card=CARD), ModelVersion("bare", 1, "available")]
    )
    assert without == {"model": "bare", "version": 1, "state": "available"}
    assert with_card["seconds_per_epoch"] == 3.0
    assert with_card["size_bytes"] == 12
    low, high = with_card["test_accuracy_interval"]
    assert low < 0.9 < high


@given(st.integers(1, 20_000), st.floats(0, 1))
def test_the_interval_is_wilsons(total: int, share: float) -> None:
    right = round(share * total)
    expected = binomtest(right, total).proportion_ci(method="wilson")
    assert reports.wilson_interval(right, total) == pytest.approx((expected.low, expected.high), abs=1e-6)
