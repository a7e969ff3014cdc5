"""The command line, and one short round of ours alone, so that `make bench-peers` works when it is wanted."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.chaos import copied_models
from benchmarks.peers import __main__ as command_line
from benchmarks.peers import report
from benchmarks.peers.contest import Contest, Course, Plan, run
from benchmarks.peers.payloads import write_bodies
from benchmarks.peers.registry import PEERS, Layout
from benchmarks.peers.turn import LOADS, OPEN_SHARES, OURS, Length, Load
from tests.processes import ensure_compiler, ensure_wrk

MODELS = Path(__file__).resolve().parents[3] / "models"


def parsed(*words: str) -> Plan:
    return command_line.plan_of(command_line._parser().parse_args(list(words)))


def test_by_default_everything_is_measured() -> None:
    plan = parsed()
    assert plan.peers == PEERS
    assert plan.loads == LOADS
    assert plan.shares == OPEN_SHARES
    assert (plan.rounds, plan.length) == (3, Length(3.0, 3.0))


def test_parts_can_be_chosen() -> None:
    plan = parsed("--peers", "mosec,flask", "--loads", "png,raw", "--rounds", "2", "--seconds", "5")
    assert [peer.name for peer in plan.peers] == ["mosec", "flask"]
    assert {load.kind for load in plan.loads} == {"png", "raw"}
    assert plan.shares == ()
    assert (plan.rounds, plan.length) == (2, Length(5.0, 5.0))


def test_quick_is_one_round_of_everything() -> None:
    plan = parsed("--quick")
    assert (plan.rounds, plan.length.closed_seconds) == (1, 1.0)
    assert plan.loads == LOADS


def test_layouts_and_settings_are_given_by_name() -> None:
    plan = parsed("--layout", "mosec=2x1", "--layout", "ray=1×2×5", "--set", "DIGITS_QUEUE_LIMIT=512")
    assert plan.layouts == {"mosec": Layout(2, 1), "ray": Layout(1, 2, 5)}
    assert plan.settings == {"DIGITS_QUEUE_LIMIT": "512"}


@pytest.mark.parametrize(
    "words",
    [
        ["--peers", "mosec,nobody"],
        ["--loads", "everything"],
        ["--layout", "mosec=many"],
        ["--layout", "nobody=1x1"],
        ["--set", "HOME=/"],
        ["--rounds", "0"],
    ],
)
def test_what_makes_no_sense_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parsed(*words)
    assert words[0] in capsys.readouterr().err


def test_without_wrk_it_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["peers"])
    assert command_line.main() == 1
    assert "apt-get install wrk" in capsys.readouterr().err


@pytest.mark.slow
def test_a_round_of_ours_measures_everything_without_a_failure(tmp_path: Path) -> None:
    ensure_compiler()
    ensure_wrk()
    loads = (Load("png", 8), Load("raw", 4), Load("json", 4))
    plan = Plan(MODELS, (), rounds=1, length=Length(1.0, 1.0), loads=loads, shares=(0.5,))
    contest = Contest()
    behind: list[float] = []
    with copied_models(MODELS, plan.model) as copy:
        run(Course(plan, write_bodies(tmp_path), copy / "models", lambda _: None, behind.append), contest)
    ((turn,),) = contest.rounds
    assert turn.server == OURS
    assert turn.failures == {}
    assert set(turn.loads) == {str(load) for load in loads}
    assert not any(measured.result.errors for measured in turn.loads.values())
    assert {"engine", "HTTP worker"} <= set(turn.memory)
    assert turn.open[0.5].in_time > 0
    assert turn.ready_seconds is not None
    assert turn.first_answer_seconds is not None
    assert turn.new_version_seconds is not None
    assert 0 < turn.ready_seconds <= turn.first_answer_seconds
    (limits,) = contest.limits
    assert limits is not None
    assert (
        min(
            limits.bare_best, *limits.litert.values(), limits.together, limits.import_seconds, *limits.decoding.values()
        )
        > 0
    )
    assert all(result.errors == 0 for result in limits.empty.values())
    assert behind
    assert all(table.columns for table in report.tables(contest))
