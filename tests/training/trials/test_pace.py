"""How long it will take, and how that is said; tables."""

from __future__ import annotations

import csv

import pytest

from training.trials.pace import Pace, cost_of, duration
from training.trials.tables import csv_table, markdown_table, text_table


def test_time_left_follows_the_work_left() -> None:
    pace = Pace(jobs=2)
    assert pace.seconds_left(100.0) is None
    pace.add(cost=100.0, seconds=20.0)
    pace.add(cost=300.0, seconds=60.0)
    assert pace.seconds_left(200.0) == pytest.approx(20.0)  # 0.2 s each, by two
    assert pace.seconds_left(0.0) == 0.0


def test_cost_grows_with_pictures_and_macs() -> None:
    assert cost_of(10**6, 4000) == 4 * cost_of(10**6, 1000)
    assert cost_of(10**6, 1000) < cost_of(2 * 10**6, 1000) < 2 * cost_of(10**6, 1000)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4, "0 s"), (42, "42 s"), (99.4, "99 s"), (99.6, "2 min"), (420, "7 min"), (7500, "2 h 05 min")],
)
def test_durations(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_text_is_aligned() -> None:
    assert text_table(("key", "figure"), [("a", "1"), ("long", "1,000")]).splitlines() == [
        "key   figure",
        "────  ──────",
        "a          1",
        "long   1,000",
    ]


def test_a_bar_in_a_cell_of_markdown_is_no_column() -> None:
    assert markdown_table(("key",), [("a|b",)]).splitlines()[-1] == r"| a\|b |"


def test_csv_can_be_read_back() -> None:
    rows = [["a,b", 'say "so"'], ["", "line\nbreak"]]
    assert list(csv.reader(csv_table(("one", "other"), rows).splitlines(keepends=True)))[1:] == rows
