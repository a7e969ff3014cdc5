"""Drawings for the page: where values lie, which ticks there are, and that what is drawn is well-formed."""

from __future__ import annotations

from itertools import pairwise
from xml.etree import ElementTree

import pytest

from training.report.curves import curves
from training.report.matrix import confusion_svg, most_confused
from training.report.reliability import reliability_svg
from training.report.svg import Drawing, Scale

HISTORY = [
    {"epoch": 1, "loss": 1.2, "accuracy": 0.7, "val_loss": 0.9, "val_accuracy": 0.91, "seconds": 3.0},
    {"epoch": 2, "loss": 0.4, "accuracy": 0.9, "val_loss": 0.3, "val_accuracy": 0.985, "seconds": 3.0},
    {"epoch": 3, "loss": 0.2, "accuracy": 0.97, "val_loss": 0.25, "val_accuracy": 0.99, "seconds": 3.0},
]


def parsed(markup: str) -> ElementTree.Element:
    svg = ElementTree.fromstring(markup)  # noqa: S314 - it is our own
    assert svg.get("role") == "img"
    assert svg.get("aria-label")
    return svg


def words(svg: ElementTree.Element) -> list[str]:
    return [element.text or "" for element in svg.iter("text")]


def test_an_even_scale() -> None:
    scale = Scale(0, 10, 100, 200)
    assert [scale(0), scale(5), scale(10)] == [100, 150, 200]
    assert scale.ticks() == [0, 2, 4, 6, 8, 10]
    assert Scale(0.12, 0.49, 0, 1).ticks() == [0.2, 0.3, 0.4]


def test_a_scale_of_logarithms() -> None:
    scale = Scale(0.01, 100, 0, 400, "log")
    assert [scale(0.01), scale(1), scale(100)] == pytest.approx([0, 200, 400])
    assert scale.ticks() == pytest.approx([0.01, 0.1, 1, 10, 100])
    assert Scale(0.3, 2.5, 0, 1, "log").ticks() == pytest.approx([0.5, 1, 2])


def test_a_scale_by_the_distance_from_one() -> None:
    scale = Scale(0.9, 0.999, 0, 200, "error")
    assert scale(0.99) == pytest.approx(100)
    assert scale.ticks()[0] == 0.9
    assert scale(1.0) > 200
    places = [scale(tick) for tick in scale.ticks()]
    assert all(later - earlier >= 24 for earlier, later in pairwise(places))


def test_names_are_escaped() -> None:
    drawing = Drawing(10, 10, 'A "title"', "<b> & more")
    drawing.text(1, 1, "<script>")
    svg = parsed(drawing.markup())
    assert words(svg) == ["<script>"]
    assert svg.get("aria-label") == 'A "title": <b> & more'


def test_curves_of_what_the_history_has() -> None:
    drawn = curves(HISTORY)
    assert list(drawn) == ["Loss", "Accuracy"]
    for markup in drawn.values():
        assert sum("line" in (path.get("class") or "") for path in parsed(markup).iter("path")) == 2
    assert "99.00%" in words(parsed(drawn["Accuracy"]))
    assert {"training", "validation"} <= set(words(parsed(drawn["Loss"])))


def test_the_learning_rate_is_drawn_where_it_is_known() -> None:
    drawn = curves([row | {"learning_rate": 1e-3 / row["epoch"]} for row in HISTORY])
    assert list(drawn) == ["Loss", "Accuracy", "Learning rate"]


def test_the_test_part_on_the_way_is_drawn_over_steps() -> None:
    drawn = curves(HISTORY, [{"step": 100, "test_accuracy": 0.9}, {"step": 450, "test_accuracy": 0.95}])
    svg = parsed(drawn["Test accuracy"])
    assert {"step", "400", "95.00%"} <= set(words(svg))
    assert "test from 0.9 to 0.95 until step 450" in (svg.get("aria-label") or "")


def test_what_is_better_is_higher() -> None:
    dots = [float(dot.get("cy", 0)) for dot in parsed(curves(HISTORY)["Accuracy"]).iter("circle")]
    assert dots[1] < dots[0]  # validation ended higher, and y grows downwards


@pytest.mark.parametrize(
    "history",
    [
        [],
        HISTORY[:1],
        [{"epoch": 1, "loss": 0.0, "accuracy": 1.0, "val_loss": 0.0, "val_accuracy": 1.0}] * 2,
        [{"epoch": 1, "loss": 5.0, "accuracy": 0.0}],
    ],
)
def test_histories_that_are_nearly_nothing(history: list[dict[str, float]]) -> None:
    for markup in curves(history).values():
        parsed(markup)
    assert bool(curves(history)) is bool(history)


def test_every_count_of_the_confusion_matrix_can_be_read() -> None:
    matrix = [[50, 2, 0], [0, 47, 0], [7, 0, 31]]
    svg = parsed(confusion_svg(matrix, ("cat", "dog", "<owl>")))
    assert [word for word in words(svg) if word.isdigit()] == ["50", "2", "47", "7", "31"]
    assert words(svg).count("<owl>") == 2
    assert "128 of 137 on the diagonal" in (svg.get("aria-label") or "")
    assert "<owl> taken for cat: 7; cat taken for dog: 2" in (svg.get("aria-label") or "")
    assert sum("mistake" in (cell.get("class") or "") for cell in svg.iter("rect")) == 2


def test_no_mistakes() -> None:
    svg = parsed(confusion_svg([[3, 0], [0, 4]], ("a", "b")))
    assert "No mistakes" in (svg.get("aria-label") or "")
    assert most_confused([[3, 0], [0, 4]], ("a", "b"), 5) == []


def test_a_hundred_classes_have_no_numbers() -> None:
    matrix = [[int(row == column) for column in range(100)] for row in range(100)]
    svg = parsed(confusion_svg(matrix, [str(index) for index in range(100)]))
    assert words(svg) == ["predicted", "true"]


def test_a_point_for_each_bin() -> None:
    bins = [
        {"above": 0.4, "to": 0.6, "count": 3, "confidence": 0.5, "accuracy": 1 / 3},
        {"above": 0.8, "to": 1.0, "count": 9000, "confidence": 0.99, "accuracy": 0.98},
    ]
    svg = parsed(reliability_svg(bins))
    assert len(list(svg.iter("circle"))) == 2
    assert sum(bar.get("class") == "bar" for bar in svg.iter("rect")) == 2
    assert "9000 pictures at 99% confidence, 98% of them right" in (svg.get("aria-label") or "")
