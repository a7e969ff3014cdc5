"""The table of a sweep in its forms and orders, and its picture."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from training.errors import ConfigurationError
from training.plots.style import save
from training.sweep.grid import Axis
from training.sweep.picture import pareto, sweep_figure
from training.sweep.table import FORMATS, Row, Sweep, in_order, require_sort, show
from training.trials import TrialResult

AXES = (Axis("filters", (8, 16)), Axis("optimizer", ("adam", "sgd")))


def row(filters: int, optimizer: str, correct: int, loss: float, seconds: float = 3.0) -> Row:
    result = TrialResult(loss, correct / 100, correct, 100, (1.0,) * 10, seconds, ())
    return Row({"filters": filters, "optimizer": optimizer}, filters * 1000, 10**7 // filters, result)


ROWS = (
    row(8, "adam", 90, 0.3, seconds=9.0),
    row(8, "sgd", 80, 0.6),
    row(16, "adam", 95, 0.4),
    Row({"filters": 16, "optimizer": "sgd"}, 16_000, 625_000, reason="the loss | got out of hand"),
)
SWEEP = Sweep("python -m training sweep", AXES, ROWS)


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("accuracy", [2, 0, 1]),
        ("loss", [0, 2, 1]),
        ("parameters", [0, 1, 2]),
        ("macs", [2, 0, 1]),
        ("seconds", [2, 1, 0]),
        ("filters", [0, 1, 2]),
        ("optimizer", [2, 0, 1]),
    ],
)
def test_orders(sort: str, order: list[int]) -> None:
    found = in_order(SWEEP, sort).rows
    assert list(found) == [ROWS[at] for at in order] + [ROWS[3]]


def test_an_order_that_does_not_exist() -> None:
    with pytest.raises(ConfigurationError, match="--sort must be one of accuracy, .*, filters, optimizer, not 'size'"):
        require_sort("size", AXES)


def test_text() -> None:
    lines = show(in_order(SWEEP, "accuracy"), "text").splitlines()
    assert lines[0].split() == ["filters", "optimizer", "parameters", "MACs", "loss", "accuracy", "right", "of", "time"]
    assert lines[2].split() == ["16", "adam", "16,000", "625,000", "0.4000", "95.00%", "95", "of", "100", "3", "s"]
    assert "Without a result (1 of 4):" in lines


def test_markdown_has_as_many_cells_in_every_row() -> None:
    text = show(SWEEP, "markdown")
    assert "```sh\npython -m training sweep\n```" in text
    assert "| 8 | adam | 8,000 | 1,250,000 | 0.3000 | 90.00% | 90 of 100 | 9 s |" in text
    assert "- the loss | got out of hand (filters=16 optimizer=sgd)" in text


def test_json() -> None:
    document = json.loads(show(SWEEP, "json"))
    assert document["vary"] == {"filters": [8, 16], "optimizer": ["adam", "sgd"]}
    best = document["combinations"][2]
    assert (best["filters"], best["validation_accuracy"], best["validation_loss"]) == (16, 0.95, 0.4)
    assert document["combinations"][3]["no_result"] == "the loss | got out of hand"
    assert "validation_loss" not in document["combinations"][3]


def test_csv() -> None:
    rows = list(csv.DictReader(show(SWEEP, "csv").splitlines()))
    assert [one["filters"] for one in rows] == ["8", "8", "16", "16"]
    assert float(rows[0]["validation_accuracy"]) == 0.9
    assert rows[3]["validation_accuracy"] == ""
    assert rows[3]["no_result"] == "the loss | got out of hand"


@pytest.mark.parametrize("form", FORMATS)
def test_a_plan_alone_shows_its_costs(form: str) -> None:
    only_planned = Sweep("", AXES, (Row({"filters": 8, "optimizer": "adam"}, 8000, 12345),))
    text = show(only_planned, form).replace(",", "")
    assert "8000" in text
    assert "12345" in text


def test_the_best_up_to_each_size() -> None:
    scored = Sweep("", AXES, (row(8, "adam", 90, 0.3), row(16, "adam", 90, 0.3), row(12, "sgd", 70, 1.0))).scored
    assert [one.parameters for one, _ in pareto(scored)] == [8000]
    assert [one.parameters for one, _ in pareto(SWEEP.scored)] == [8000, 16_000]


def test_the_picture_has_a_panel_for_each_key_and_a_dot_for_each_result(tmp_path: Path) -> None:
    figure = sweep_figure(SWEEP)
    titles = [axes.get_title(loc="left") for axes in figure.axes if axes.axison]
    assert titles == ["filters", "optimizer", "parameters"]
    for axes in figure.axes[:3]:
        dots = np.concatenate([np.asarray(dots.get_offsets()) for dots in axes.collections])
        assert sorted(dots[:, 1].tolist()) == [0.8, 0.9, 0.95]
        low, high = axes.get_ylim()
        assert low < 0.8
        assert high > 0.95
    path = tmp_path / "sweep.png"
    save(figure, path)
    pixels = imread(path)
    assert len(np.unique(pixels.reshape(-1, pixels.shape[-1]), axis=0)) > 50


def test_a_picture_of_one_value_each(tmp_path: Path) -> None:
    alone = Sweep("", (Axis("filters", (8,)),), (Row({"filters": 8}, 8000, 1, ROWS[0].result),))
    figure = sweep_figure(alone)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["parameters"]
    save(figure, tmp_path / "one.svg")
    assert "parameters" in (tmp_path / "one.svg").read_text()
