"""What figures show, asked of their artists; and that they are files when asked to be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text
from PIL import Image

from training.compare.rows import Row
from training.errors import ConfigurationError
from training.evaluate.evaluation import Mistake
from training.plots.confusion import confusion_figure
from training.plots.mistakes import mistakes_figure
from training.plots.reliability import reliability_figure
from training.plots.style import new_figure, require_picture, save
from training.plots.tradeoff import tradeoff_figure


def words(figure: Figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.findobj(Text)]


def row(name: str, correct: int, macs: int) -> Row:
    return Row(
        name=name, version=1, dataset="mnist", dataset_sha256={}, correct=correct, total=10_000, mistakes=None,
        validation_accuracy=0.9, loss=0.1, ece=0.01, parameters=macs // 2, macs=macs, size_bytes=1, epochs=1,
        seconds_per_epoch=None, seed=1, command="", hyperparameters={},
    )  # fmt: skip


def test_every_count_stands_in_the_confusion_matrix() -> None:
    figure = confusion_figure(np.array([[5, 2], [0, 11]]), ("cat", "dog"), "a title")
    found = words(figure)
    assert {"5", "2", "11", "cat", "dog", "a title", "predicted", "true"} <= set(found)
    assert "0" not in found


def test_mistakes_are_captioned() -> None:
    mistakes = [Mistake(3, "5", "6", 0.998, 0.0009, 7.0), Mistake(9, "1", "7", 0.6, 0.3, 1.2)]
    figure = mistakes_figure(np.zeros((2, 28, 28, 1), np.uint8), mistakes, "a title")
    found = words(figure)
    assert {"5 → 6", "99.8% sure\ntrue: < 0.1%", "1 → 7", "60.0% sure\ntrue: 30.0%"} <= set(found)
    assert sum(len(axes.images) for axes in figure.axes) == 2


def test_mistakes_in_colour_and_none_at_all() -> None:
    colour = mistakes_figure(np.zeros((1, 8, 8, 3), np.uint8), [Mistake(0, "a", "b", 0.9, 0.1, 2.3)], "")
    assert colour.axes[0].images[0].get_array().shape == (8, 8, 3)  # type: ignore[union-attr]
    assert "no mistakes" in words(mistakes_figure(np.zeros((0, 28, 28, 1), np.uint8), [], "none"))


def test_the_reliability_diagram() -> None:
    bins = [
        {"above": 0.4, "to": 0.5, "count": 4, "confidence": 0.45, "accuracy": 0.5},
        {"above": 0.9, "to": 1.0, "count": 900, "confidence": 0.99, "accuracy": 0.98},
    ]
    figure = reliability_figure(bins, "a title", "ECE 1.00%")
    assert {"a title", "ECE 1.00%", "confidence", "pictures"} <= set(words(figure))
    assert [bar.get_height() for bar in figure.axes[1].patches] == [4, 900]  # type: ignore[attr-defined]


@pytest.mark.parametrize("worst", [9890, 6000])
def test_names_beside_points_hide_nothing(worst: int) -> None:
    """Near each other or far apart, on either scale of accuracy."""
    rows = [
        row("the-best", 9950, 1_000_000),
        row("close-by", 9947, 1_020_000),
        row("another", 9949, 990_000),
        row("worst", worst, 40_000),
    ]
    figure = tradeoff_figure(rows, "mnist")
    for axes in figure.axes:
        labels = [child for child in axes.get_children() if isinstance(child, Annotation)]
        assert [label.get_text() for label in labels] == [one.name for one in rows]
        boxes = [label.get_window_extent() for label in labels]
        assert not any(one.overlaps(other) for index, one in enumerate(boxes) for other in boxes[index + 1 :])
        points = [axes.transData.transform(label.xy) for label in labels]
        assert not any(box.contains(*point) for box in boxes for point in points)
        low, high = axes.get_ylim()
        assert low < worst / 10_000 < 0.995 < high


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_the_same_figure_is_the_same_file(tmp_path: Path, suffix: str) -> None:
    for name in ("a", "b"):
        save(confusion_figure(np.array([[5, 2], [0, 11]]), ("a", "b"), "t"), tmp_path / f"{name}{suffix}")
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


def test_a_png_is_sharp_enough(tmp_path: Path) -> None:
    figure, _ = new_figure(4, 3)
    save(figure, tmp_path / "x.png")
    with Image.open(tmp_path / "x.png") as picture:
        assert picture.size == (640, 480)


def test_where_no_figure_can_be(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"a picture ends in one of \.png, \.svg, \.pdf"):
        require_picture(tmp_path / "x.jpg")
    with pytest.raises(ConfigurationError, match="there is no directory"):
        save(new_figure(1, 1)[0], tmp_path / "nowhere" / "x.png")
    (tmp_path / "x.png").mkdir()
    with pytest.raises(ConfigurationError, match="Is a directory"):
        save(new_figure(1, 1)[0], tmp_path / "x.png")
