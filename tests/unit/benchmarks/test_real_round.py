"""One short round against the real service with the shipped model, so that `make bench` works when it is wanted."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import render
from benchmarks.bare import BATCH_SIZES
from benchmarks.report import Report
from benchmarks.rounds import Plan, measure_round
from tests.processes import ensure_wrk

MODELS = Path(__file__).resolve().parents[3] / "models"


@pytest.mark.slow
def test_a_round_measures_everything_without_an_error(tmp_path: Path) -> None:
    ensure_wrk()
    plan = Plan(MODELS, rounds=1, seconds=1, connections=(8,), bulk_connections=(1,))
    said: list[str] = []
    measured = measure_round(plan, tmp_path, said.append)
    loads = [*measured.png, *measured.bulk]
    assert [load.result.connections for load in loads] == [8, 1]
    assert all(load.result.requests > 0 for load in loads)
    assert not any(load.result.errors for load in loads)
    roles = {"supervisor", "engine", "HTTP master", "HTTP worker"}
    assert set(measured.memory) >= roles
    assert all(set(load.cpu_us_per_request) >= roles for load in loads)
    assert set(measured.bare) == set(BATCH_SIZES)
    assert 0 < measured.live_seconds <= measured.ready_seconds
    assert "starting the service" in said
    page = render.as_markdown(Report({"cores": "2"}, plan, (measured,)))
    assert "| service, 1 connection |" in page
