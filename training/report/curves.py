"""Lines over epochs: loss, accuracy, learning rate; and over steps, where the test part was asked on the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from training.report.svg import Drawing, Scale, Spacing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from markupsafe import Markup

_WIDTH, _HEIGHT = 520.0, 300.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 58.0, 84.0, 14.0, 42.0


@dataclass(frozen=True)
class Line:
    """`key` is the one in the history."""

    key: str
    name: str
    css: str


_LOSS = (Line("loss", "training", "a"), Line("val_loss", "validation", "b"))
_ACCURACY = (Line("accuracy", "training", "a"), Line("val_accuracy", "validation", "b"))
_RATE = (Line("learning_rate", "", "a"),)
_TEST = (Line("test_accuracy", "test", "a"),)


def curves(history: Sequence[Mapping[str, Any]], test_curve: Sequence[Mapping[str, Any]] = ()) -> dict[str, Markup]:
    """The drawings that the card's `history` and `test_curve` allow, by what they are titled; none without epochs."""
    drawn = {
        "Loss": _chart(history, "Loss", _LOSS, _plain_tick, "log"),
        "Accuracy": _chart(history, "Accuracy", _ACCURACY, _share_tick, "error"),
        "Learning rate": _chart(history, "Learning rate", _RATE, _plain_tick),
        "Test accuracy": _chart(test_curve, "Test accuracy", _TEST, _share_tick, "error", "step"),
    }
    return {title: drawing for title, drawing in drawn.items() if drawing is not None}


def _chart(
    history: Sequence[Mapping[str, Any]],
    title: str,
    lines: Sequence[Line],
    tick: Callable[[float], str],
    spacing: Spacing = "even",
    unit: str = "epoch",
) -> Markup | None:
    series = {line: _points(history, line.key, unit) for line in lines}
    series = {line: points for line, points in series.items() if points}
    values = [value for points in series.values() for _, value in points]
    if not values:
        return None
    if spacing == "log" and min(values) <= 0:
        spacing = "even"
    last_place = max(place for points in series.values() for place, _ in points)
    across = Scale(1, max(2, last_place), _LEFT, _WIDTH - _RIGHT)
    upwards = _upwards(values, spacing)
    drawing = Drawing(_WIDTH, _HEIGHT, f"{title} over {unit}s", _in_words(series, unit))
    _axes(drawing, across, upwards, tick, unit)
    ends = []
    for line, points in series.items():
        places = [(across(epoch), upwards(value)) for epoch, value in points]
        if len(places) > 1:
            drawing.path(places, f"line {line.css}")
        drawing.circle(*places[-1], 3.4, f"dot {line.css}")
        ends.append((places[-1][1], line, points[-1][1]))
    for height, line, value in _apart(ends):
        words = f"{line.name} {_end(value, spacing)}".strip()
        first, _, last = words.rpartition(" ")
        drawing.text(_WIDTH - _RIGHT + 9, height + (0 if first else 4), first or last, f"end {line.css}", "start")
        if first:
            drawing.text(_WIDTH - _RIGHT + 9, height + 13, last, f"end {line.css}", "start")
    return drawing.markup()


def _axes(drawing: Drawing, across: Scale, upwards: Scale, tick: Callable[[float], str], unit: str) -> None:
    for value in upwards.ticks():
        drawing.line(_LEFT, upwards(value), _WIDTH - _RIGHT, upwards(value), "grid")
        drawing.text(_LEFT - 8, upwards(value) + 4, tick(value), "tick", "end")
    whole = [epoch for epoch in across.ticks(8) if epoch == int(epoch)]
    for epoch in sorted({1, *whole}) if not whole or whole[0] > 1 else whole:
        drawing.text(across(epoch), _HEIGHT - _BOTTOM + 18, f"{epoch:g}", "tick")
    drawing.line(_LEFT, _HEIGHT - _BOTTOM, _WIDTH - _RIGHT, _HEIGHT - _BOTTOM, "axis")
    drawing.text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 6, unit, "tick")


def _upwards(values: Sequence[float], spacing: Spacing) -> Scale:
    low, high = min(values), max(values)
    if spacing == "log":
        low, high = low / 1.15, high * 1.15
    elif spacing == "error":
        low, high = max(0.0, 1.0 - (1.0 - low) * 1.2), 1.0 - max(1.0 - high, 1e-4) / 1.3
    else:
        room = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
        low, high = max(0.0, low - room) if low >= 0 else low - room, high + room
        high = min(high, 1.0) if max(values) <= 1.0 < high else high
    return Scale(low, high, _HEIGHT - _BOTTOM, _TOP, spacing)


def _points(history: Sequence[Mapping[str, Any]], key: str, unit: str) -> list[tuple[float, float]]:
    return [
        (float(row.get(unit, index)), float(row[key]))
        for index, row in enumerate(history, start=1)
        if row.get(key) is not None
    ]


def _apart(ends: list[tuple[float, Line, float]]) -> list[tuple[float, Line, float]]:
    """The names at the ends of the lines, moved apart where they would lie on one another."""
    ends = sorted(ends, key=lambda end: end[0])
    if len(ends) == 2 and ends[1][0] - ends[0][0] < 34:
        middle = min(max((ends[0][0] + ends[1][0]) / 2, _TOP + 24), _HEIGHT - _BOTTOM - 24)
        return [(middle - 20, *ends[0][1:]), (middle + 17, *ends[1][1:])]
    return ends


def _in_words(series: Mapping[Line, list[tuple[float, float]]], unit: str) -> str:
    told = [
        f"{line.name or 'it'} from {points[0][1]:.4g} to {points[-1][1]:.4g} until {unit} {points[-1][0]:g}"
        for line, points in series.items()
    ]
    return "; ".join(told)


def _plain_tick(value: float) -> str:
    return f"{value:g}"


def _share_tick(share: float) -> str:
    return f"{round(100 * share, 2):g}%"


def _end(value: float, spacing: Spacing) -> str:
    return f"{value:.3f}" if spacing == "log" else f"{value:.2%}" if spacing == "error" else f"{value:.3g}"
