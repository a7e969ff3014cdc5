"""What batches came to, before and after it has been moved into the metrics."""

from __future__ import annotations

import pytest
from prometheus_client import REGISTRY

from service.engine import tally
from service.engine.tally import Tally

LABELS = {"model": "tallied", "version": "7"}


@pytest.fixture
def before() -> dict[str, float]:
    Tally("tallied", 7)  # so that the series are there
    return read()


def read() -> dict[str, float]:
    names = (
        "digits_batch_pictures_sum", "digits_batch_pictures_count", "digits_batch_seconds_sum", "digits_batch_rows_total"
    )  # fmt: skip
    return {name: REGISTRY.get_sample_value(name, LABELS) or 0.0 for name in names}


def test_what_is_noted_is_counted_at_the_next_flush_and_once(before: dict[str, float]) -> None:
    noted = Tally("tallied", 7)
    noted.note(3, 0.25, 4)
    noted.note(8, 0.5, 8)
    assert read() == before
    for _ in range(2):
        noted.flush()
        assert [read()[name] - before[name] for name in before] == [11, 2, 0.75, 12]


def test_it_does_not_gather_without_end(before: dict[str, float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally, "FULL", 3)
    noted = Tally("tallied", 7)
    for _ in range(3):
        noted.note(1, 0.125, 1)
    assert read()["digits_batch_pictures_count"] == before["digits_batch_pictures_count"] + 3
