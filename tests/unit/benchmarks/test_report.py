"""Tables out of rounds made by hand."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks import render
from benchmarks.load import LoadResult
from benchmarks.processes import Memory
from benchmarks.report import Report, spread, tables
from benchmarks.rounds import LoadMeasure, Plan, Round


def measure(connections: int, rate: int, errors: int = 0) -> LoadMeasure:
    result = LoadResult(connections, rate * 2 + errors, 2.0, 1.5, 3.25, 9.0, errors)
    return LoadMeasure(result, {"HTTP worker": 60.0, "engine": 120.0})


def one_round(rate: int, bare_1024: float, errors: int = 0) -> Round:
    return Round(
        live_seconds=0.5,
        ready_seconds=4.0,
        png=(measure(8, rate, errors),),
        bulk=(measure(4, 10),),
        bare={1: 1000.0, 1024: bare_1024, 256: 25600.0},
        memory={"engine": Memory(600 * 2**20, 500 * 2**20, 400 * 2**20)},
    )


@pytest.fixture
def report() -> Report:
    plan = Plan(Path("models"), rounds=3, seconds=2.0, connections=(8,), bulk_connections=(4,))
    rounds = (one_round(3000, 20480.0), one_round(3100, 20480.0, errors=2), one_round(2500, 12800.0))
    return Report({"cores": "2"}, plan, rounds)


def rows(report: Report, title: str) -> list[tuple[str, ...]]:
    (found,) = [table for table in tables(report) if table.title == title]
    assert all(len(row) == len(found.columns) for row in found.rows)
    return list(found.rows)


def test_a_spread_is_the_median_and_the_farthest() -> None:
    assert spread([2000.0, 1900.0, 2300.0]) == "2,000 ±15%"
    assert spread([100.0, 60.0, 110.0]) == "100 ±40%"
    assert spread([1234.5, 1234.5]) == "1,234"
    assert spread([0.125, 0.25], 2) == "0.19 ±33%"
    assert spread([0.0, 0.0, 5.0]) == "0"


def test_requests_are_medians_and_errors_are_summed(report: Report) -> None:
    assert rows(report, "One 28×28 PNG per request") == [("8", "3,000 ±17%", "1.50", "3.25", "2")]


def test_bulk_stands_beside_the_bare_model_of_its_own_round(report: Report) -> None:
    found = {row[0]: row[1:] for row in rows(report, "1,024 raw pictures per request")}
    # 10 requests of 1,024 pictures a second: half of 20,480 in two rounds, 0.8 of 12,800 in the third.
    assert found["service, 4 connections"] == ("10,240", "0.50 ±60%", "0.40", "1.5", "3.2", "0")
    assert found["bare, batches of 1"][0] == "1,000"
    assert found["bare, batches of 256"][:4] == ("25,600", "1.25 ±60%", "1.00", "10.0")


def test_costs_are_told_by_process(report: Report) -> None:
    assert ("PNG, 8 connections", "60", "120") in rows(report, "CPU time per request, µs")
    assert rows(report, "Memory of a process after the loads, MiB") == [("engine", "600", "500", "400")]
    assert ("/readyz answers 200", "4.00") in rows(report, "From the start, seconds until")


def test_every_table_is_in_the_page_and_on_the_terminal(report: Report) -> None:
    page = render.as_markdown(report)
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(render.for_terminal(report))
    shown = console.export_text()
    for table in tables(report):
        assert f"## {table.title}\n\n| " in page
        assert table.title in shown
        for row in table.rows:
            assert f"| {' | '.join(row)} |" in page
            assert all(cell in shown for cell in row)
    assert "- cores: 2" in page


def test_json_holds_each_round_as_it_was(report: Report) -> None:
    document = json.loads(render.as_json(report))
    assert document["plan"]["models_dir"] == "models"
    assert [one["png"][0]["result"]["requests"] for one in document["rounds"]] == [6000, 6202, 5000]
