"""Ratios, targets, tables and the plot of a contest made by hand."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import pytest

from benchmarks.load import LoadResult
from benchmarks.open_loop import OpenResult, Percentiles
from benchmarks.peers import plot, report
from benchmarks.peers.contest import Contest, Plan, estimate
from benchmarks.peers.figures import Series, of, p50, rate, ratio, series, servers
from benchmarks.peers.limits import Limits
from benchmarks.peers.registry import PEERS, Layout
from benchmarks.peers.targets import Target, targets, verdict
from benchmarks.peers.turn import OPEN_SHARES, OURS, Turn
from benchmarks.processes import Memory
from benchmarks.render import table_as_markdown
from benchmarks.rounds import LoadMeasure

NOTHING = Percentiles(math.nan, math.nan, math.nan)


def closed(connections: int, per_second: float, p50_ms: float, errors: int = 0) -> LoadMeasure:
    result = LoadResult(connections, round(2 * per_second) + errors, 2.0, p50_ms, 3 * p50_ms, 9.0, errors)
    return LoadMeasure(result, {"engine": 100.0, "HTTP worker": 50.0})


def opened(rate_: float, *, refused: int = 0) -> OpenResult:
    due = round(2 * rate_)
    return OpenResult(
        rate=rate_,
        seconds=2.0,
        due=due,
        in_time=due - refused,
        late=0,
        refused=refused,
        failed=0,
        unanswered=0,
        answered=Percentiles(2.0, 7.0, 9.0),
        refusal=Percentiles(1.0, 4.0, 5.0) if refused else NOTHING,
        send_delay=Percentiles(0.01, 0.1, 0.2),
        connections=3,
        cpu_us=25.0,
    )


def turn(server: str, speed: float) -> Turn:
    loads = {
        f"png/{count}": closed(count, speed * factor, 8 / speed)
        for count, factor in ((1, 500.0), (8, 1500.0), (32, 2500.0), (128, 3000.0))
    }
    loads |= {"raw/4": closed(4, 19 * speed, 200.0), "several/4": closed(4, 100 * speed, 40.0)}
    capacity = 3000.0 * speed
    return Turn(
        server,
        "1×1",
        first_answer_seconds=5.0,
        capacity=capacity,
        loads=loads,
        open={share: opened(share * capacity, refused=500 if share > 1 else 0) for share in OPEN_SHARES},
        memory={"engine": Memory(3 * 2**20, 2 * 2**20, 2**20)},
    )


def limits() -> Limits:
    empty = {8: LoadResult(8, 40000, 2.0, 0.3, 1.0, 2.0, 0)}
    return Limits(
        {1: 1000.0, 256: 20000.0}, {1: 9000.0}, {"28×28 PNG": 15000.0}, 10000.0, empty, opened(2000.0), 3.0, 2.5
    )


@pytest.fixture
def contest() -> Contest:
    rounds = []
    for speed in (2.0, 2.2, 1.0):
        mine = dataclasses.replace(turn(OURS, speed), ready_seconds=4.0, new_version_seconds=1.5)
        rounds.append([turn("mosec", speed / 2), mine, turn("ray", speed / 10)])
    return Contest(rounds=rounds, limits=[limits()] * 3, layouts={"mosec": Layout(1, 2), "ray": Layout(2, 1)})


def plan() -> Plan:
    return Plan(Path("models"), PEERS)


def found(contest: Contest, load: str, against: str) -> Target:
    (one,) = [one for one in targets(contest) if (one.load, one.against) == (load, against)]
    return one


def test_a_ratio_is_taken_within_a_round_against_the_best(contest: Contest) -> None:
    assert ratio(contest, rate("png/8"), ["mosec", "ray"]).values == pytest.approx((2.0, 2.0, 2.0))
    assert ratio(contest, p50("png/8"), ["mosec", "ray"], min).values == pytest.approx((0.5, 0.5, 0.5))
    assert ratio(contest, rate("png/8"), ["litserve"]).values == ()


def test_a_load_that_answered_nothing_does_not_count(contest: Contest) -> None:
    contest.rounds[0][0].loads["png/8"] = closed(8, 0.0, 0.0, errors=10)
    assert len(of(contest, "mosec", rate("png/8")).values) == 2
    assert ratio(contest, rate("png/8"), ["mosec", "ray"]).values[0] == pytest.approx(10.0)


def test_a_series_shows_its_median_and_the_farthest_round() -> None:
    assert Series((90.0, 100.0, 120.0)).text() == "100 ±20%"
    assert Series((1.0,)).text(2, " ×") == "1.00 ×"
    assert series([None, math.nan, math.inf]).text() == "–"


def test_ours_comes_first_then_the_quickest(contest: Contest) -> None:
    assert servers(contest) == [OURS, "mosec", "ray"]


def test_targets_are_judged_by_the_median(contest: Contest) -> None:
    assert found(contest, "28×28 PNG, 8 connections, requests/s", "the best peer").reached is True
    assert found(contest, "28×28 PNG, 128 connections, requests/s", "ray").reached is True
    assert found(contest, "28×28 PNG, 1 connection, p50", "the best peer").reached is False
    bulk = found(contest, "1,024 raw per request, pictures/s", "the bare model at its best batch size")
    assert bulk.found.startswith("1.95 ×")  # 19 × 2 × 1,024 of 20,000
    assert found(contest, "64 PNGs per request, pictures/s", "decoding and model alone").reached is True
    assert found(contest, "open loop at 80 %", "p99 / p50").found == "3.50 ×"
    assert found(contest, "open loop at 120 %, refused, p99", "–").reached is True
    assert found(contest, "start to ready", "importing TensorFlow").found == "1.33 ×"
    assert found(contest, "new version to its first answer", "–").reached is True
    # In the median round 500 of 2 × 1.2 × 6,000 are refused: 6,950 a second, of 6,000 that it can.
    assert found(contest, "open loop at 120 %, goodput", "capacity").found.startswith("1.16 ×")


def test_letting_everybody_wait_is_no_refusal(contest: Contest) -> None:
    for turns in contest.rounds:
        mine = next(one for one in turns if one.server == OURS)
        mine.open[1.2] = dataclasses.replace(mine.open[1.2], refused=0, refusal=NOTHING, late=500)
    one = found(contest, "open loop at 120 %, refused, p99", "–")
    assert (one.found, one.reached) == ("nothing was refused", False)


def test_a_round_without_limits_has_no_ratio_to_them(contest: Contest) -> None:
    contest.limits[0] = None
    assert found(contest, "start to ready", "importing TensorFlow").reached is True
    contest.limits = [None] * 3
    assert found(contest, "start to ready", "importing TensorFlow").reached is None
    assert all(table_as_markdown(table) for table in report.tables(contest))


def test_what_was_not_measured_is_neither_reached_nor_missed() -> None:
    judged = targets(Contest())
    assert {one.reached for one in judged} == {None}
    assert {verdict(one) for one in judged} == {"not measured"}


def test_every_table_has_as_many_cells_as_columns(contest: Contest) -> None:
    contest.rounds[1][2].failures["raw/4"] = "it takes\nno | such body"
    tables = report.tables(contest)
    assert all(len(row) == len(table.columns) for table in tables for row in table.rows)
    page = "\n".join(table_as_markdown(table) for table in tables)
    assert "| mosec | 3,000 ±50% |" not in page
    assert "| Ray Serve | raw/4 | it takes no / such body |" in page
    assert "| this service | 6,000 ±50% |" not in page
    assert "| this service | 1,000 ±50% | 3,000 ±50% | 5,000 ±50% | 6,000 ±50% |" in page


def test_a_long_reason_keeps_its_end(contest: Contest) -> None:
    contest.rounds[0][0].failures["start"] = "it ended with 1\n" + "  File x\n" * 200 + "KeyError: 'PORT'"
    page = "\n".join(table_as_markdown(table) for table in report.tables(contest))
    assert "| mosec | start | it ended with 1 File x" in page
    assert "KeyError: 'PORT' |" in page


def test_nothing_measured_makes_a_page_too() -> None:
    assert all(table_as_markdown(table) for table in report.tables(Contest()))


def test_who_is_missing_is_said(contest: Contest) -> None:
    contest.absent["bentoml"] = "cannot be installed:\n no wheel"
    contest.cut_short = True
    lines = report.heading(plan(), contest, {"cores": "2"}, {"mosec": "0.9"})
    assert "**BentoML takes no part**: cannot be installed: no wheel" in lines
    assert any("cut short" in line for line in lines)
    assert any("mosec 1×2" in line for line in lines)


def test_everything_is_in_the_json(contest: Contest) -> None:
    document = json.loads(report.as_json(plan(), contest, {"cores": "2"}, {"mosec": "0.9"}))
    assert document["rounds"][0][0]["server"] == "mosec"
    assert document["rounds"][0][1]["open"]["0.8"]["answered"]["p99_ms"] == 7.0
    assert document["limits"][0]["together"] == 10000.0


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_the_plot_is_small_and_light(contest: Contest, tmp_path: Path, ending: str) -> None:
    path = tmp_path / "folder" / f"plot.{ending}"
    plot.draw(contest, path)
    assert 5_000 < path.stat().st_size < 300_000
    if ending == "svg":
        assert "fill: #ffffff" in path.read_text()


def test_the_whole_run_is_expected_to_fit_its_time() -> None:
    assert estimate(plan()) < 60 * plan().minutes
    layouts = {peer.name: Layout(1, 1) for peer in PEERS}
    assert estimate(dataclasses.replace(plan(), layouts=layouts)) < estimate(plan())
