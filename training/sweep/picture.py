"""A sweep as a picture: a panel for each varied key, and one for what accuracy costs."""

from __future__ import annotations

import math
from statistics import median
from typing import TYPE_CHECKING

from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from training.plots.style import INK, PALE, SERIES, new_figure
from training.sweep.grid import label

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from training.sweep.grid import Axis
    from training.sweep.table import Row, Sweep
    from training.trials import TrialResult

    Scored = Sequence[tuple[Row, TrialResult]]


def sweep_figure(sweep: Sweep) -> Figure:
    """Validation accuracy over the values of each key, a dot for each combination and a line through the medians; and
    over parameters, with a line along the best up to each size. Colours tell the first key's values.

    `sweep` has at least one result.
    """
    varied = [axis for axis in sweep.axes if len(axis.values) > 1]
    panels = len(varied) + 1
    columns = 2 if panels == 4 else min(panels, 3)
    rows = math.ceil(panels / columns)
    figure, axes = new_figure(3.7 * columns + 0.4, 3.2 * rows + 0.5, rows, columns)
    colour_axis = varied[0] if varied else None
    # In the grid's order, whatever the table is sorted by: dots of one colour stand together.
    scored = sorted(sweep.scored, key=lambda one: [axis.values.index(one[0].values[axis.key]) for axis in sweep.axes])
    floor, ceiling = _limits([result.accuracy for _, result in scored])
    for axis, one in zip(varied, axes, strict=False):
        _by_key(one, axis, colour_axis, scored)
    _by_parameters(axes[len(varied)], colour_axis, scored)
    for one in axes[:panels]:
        one.set_ylim(floor, ceiling)
        one.yaxis.set_major_formatter(FuncFormatter(_percent_for(ceiling - floor)))
        one.grid(visible=True, axis="y")
    for place in range(0, panels, columns):
        axes[place].set_ylabel("validation accuracy")
    for one in axes[panels:]:
        one.set_axis_off()
    if colour_axis is not None:
        handles, names = axes[len(varied)].get_legend_handles_labels()
        names = [f"{colour_axis.key} = {name}" for name in names]
        figure.legend(handles, names, loc="outside lower center", ncols=min(len(names), 2 * columns), frameon=False)
    return figure


def pareto(scored: Scored) -> list[tuple[Row, TrialResult]]:
    """Those to which no other is at least equal in both parameters and accuracy, the smallest first."""
    best: list[tuple[Row, TrialResult]] = []
    for row, result in sorted(scored, key=lambda one: (one[0].parameters or 0, -one[1].accuracy)):
        if not best or result.accuracy > best[-1][1].accuracy:
            best.append((row, result))
    return best


def _by_key(axes: Axes, axis: Axis, colour_axis: Axis | None, scored: Scored) -> None:
    medians = []
    for place, value in enumerate(axis.values):
        here = [(row, result) for row, result in scored if row.values[axis.key] == value]
        # Side by side in a fixed order, so that equal accuracies do not hide each other.
        for number, (row, result) in enumerate(here):
            offset = 0.36 * ((number + 0.5) / len(here) - 0.5)
            axes.scatter(
                place + offset, result.accuracy, s=26, color=_colour(row, colour_axis), alpha=0.85, linewidths=0
            )
        if here:
            medians.append((place, median(result.accuracy for _, result in here)))
    axes.plot(*zip(*medians, strict=True), color=PALE, linewidth=1.2, marker="_", markersize=16, zorder=1)
    axes.set_xticks(range(len(axis.values)), [label(value) for value in axis.values])
    if max(len(label(value)) for value in axis.values) * len(axis.values) > 36:
        axes.tick_params(axis="x", rotation=30)
    axes.set_xlim(-0.5, len(axis.values) - 0.5)
    axes.set_title(axis.key, loc="left", weight="bold")
    axes.set_xlabel("line: the medians", loc="left")


def _by_parameters(axes: Axes, colour_axis: Axis | None, scored: Scored) -> None:
    values = colour_axis.values if colour_axis else (None,)
    for value in values:
        here = [(row, result) for row, result in scored if colour_axis is None or row.values[colour_axis.key] == value]
        if here:
            axes.scatter(
                [row.parameters or 0 for row, _ in here],
                [result.accuracy for _, result in here],
                s=26,
                color=_colour(here[0][0], colour_axis),
                alpha=0.85,
                linewidths=0,
                label=label(value),
            )
    front = pareto(scored)
    axes.step(
        [row.parameters or 0 for row, _ in front],
        [result.accuracy for _, result in front],
        where="post",
        color=INK,
        linewidth=1,
        zorder=1,
    )
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(_short))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_title("parameters", loc="left", weight="bold")
    axes.set_xlabel("line: the best up to that size", loc="left")


def _colour(row: Row, colour_axis: Axis | None) -> str:
    if colour_axis is None:
        return SERIES[0]
    return SERIES[colour_axis.values.index(row.values[colour_axis.key]) % len(SERIES)]


def _limits(accuracies: Sequence[float]) -> tuple[float, float]:
    """A little more than what is there, and never an axis without extent."""
    low, high = min(accuracies), max(accuracies)
    margin = max(0.08 * (high - low), 0.002)
    return low - margin, high + margin


def _percent_for(extent: float) -> Callable[[float, object], str]:
    digits = 0 if extent > 0.06 else 1 if extent > 0.006 else 2
    return lambda share, _: f"{share:.{digits}%}"


def _short(number: float, _: object) -> str:
    """1,500,000 as 1.5M."""
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:g}{unit}"
    return f"{number:g}"
