"""What accuracy costs: over multiply-accumulates, and over parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator

from training.plots.labels import place_labels
from training.plots.style import INK, SERIES, new_figure, set_title

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from training.compare.rows import Row

_TICKS = (0.5, 0.7, 0.8, 0.85, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98, 0.985, 0.99, 0.993, 0.995, 0.997, 0.998, 0.999)
_FAR_APART = 4.0
_PERCENT = FuncFormatter(lambda share, _: f"{share:.1%}")


def tradeoff_figure(rows: Sequence[Row], dataset: str) -> Figure:
    """Test accuracy with its 95 % interval over MACs, and over parameters, both on a scale of logarithms."""
    figure, (left, right) = new_figure(11.0, 4.8, columns=2)
    _draw(left, rows, [row.macs for row in rows], "multiply-accumulates for one picture")
    _draw(right, rows, [row.parameters for row in rows], "parameters")
    left.set_ylabel("test accuracy")
    set_title(left, f"{dataset}: test accuracy with its 95 % interval")
    right.sharey(left)
    _space_by_error(left, rows)
    right.tick_params(labelleft=False)
    figure.draw_without_rendering()
    for axes in (left, right):
        place_labels(axes)
    return figure


def _draw(axes: Axes, rows: Sequence[Row], costs: Sequence[int], name: str) -> None:
    for index, (row, cost) in enumerate(zip(rows, costs, strict=True)):
        colour = SERIES[index % len(SERIES)]
        axes.plot([cost, cost], [row.interval.low, row.interval.high], color=colour, alpha=0.35, linewidth=3)
        axes.plot([cost], [row.accuracy], marker="o", markersize=7, color=colour, markeredgecolor="white", zorder=3)
        axes.annotate(
            row.name, (cost, row.accuracy), xytext=(8, 0), textcoords="offset points", va="center", color=INK, size=8.5
        )
    axes.set_xscale("log")
    # Whole decades on both sides of whatever there is, so that few points look like many.
    axes.set_xlim(min(costs) / 2.5, max(costs) * 5.0)
    axes.set_xlabel(name)
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0) if max(costs) < 300 * min(costs) else (1.0,)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda count, _: _short(count)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(_PERCENT)
    axes.grid(visible=True)


def _space_by_error(axes: Axes, rows: Sequence[Row]) -> None:
    """By the logarithm of the error where the best makes a small part of the mistakes of the worst, or all the good ones
    would be one spot at the top.
    """
    low, high = min(row.interval.low for row in rows), max(row.interval.high for row in rows)
    if 1.0 - low < _FAR_APART * (1.0 - high):
        return
    axes.set_yscale("function", functions=(_nines, _share))
    axes.set_ylim(1.0 - (1.0 - low) * 1.25, 1.0 - (1.0 - high) / 1.25)
    ticks = [share for share in _TICKS if low - 0.02 <= share <= high]
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(_PERCENT)


def _nines(share: Any) -> Any:
    return -np.log10(np.maximum(1.0 - np.asarray(share, float), 1e-6))


def _share(nines: Any) -> Any:
    return 1.0 - 10.0 ** -np.asarray(nines, float)


def _short(count: float) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{count / size:g} {letter}"
    return f"{count:g}"
