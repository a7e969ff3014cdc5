"""The reliability diagram: whether an answer given with 90 % confidence is right nine times of ten."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import NullLocator

from training.evaluate.intervals import wilson_interval
from training.plots.style import BLUE, INK, PALE, new_figure, set_title

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.figure import Figure


def reliability_figure(bins: Sequence[Mapping[str, Any]], title: str, note: str) -> Figure:
    """Accuracy over confidence for the bins of `training.metrics.reliability_bins`, with their 95 % intervals, and
    below it how many pictures each bin holds.
    """
    figure, (upper, lower) = new_figure(5.4, 6.2, rows=2, height_ratios=(3.2, 1.0))
    confidence = [bin_["confidence"] for bin_ in bins]
    accuracy = np.array([bin_["accuracy"] for bin_ in bins])
    intervals = [wilson_interval(round(bin_["accuracy"] * bin_["count"]), bin_["count"]) for bin_ in bins]
    reach = np.array([[hit - one.low, one.high - hit] for hit, one in zip(accuracy, intervals, strict=True)])
    upper.plot([0, 1], [0, 1], color=PALE, linewidth=1, linestyle=(0, (4, 3)))
    upper.text(
        0.06, 0.08, "as sure as right", color=PALE, rotation=45, rotation_mode="anchor", transform_rotates_text=True
    )
    upper.errorbar(
        confidence,
        accuracy,
        yerr=reach.clip(0.0).T,
        fmt="o",
        color=BLUE,
        ecolor="#9dbbdb",
        markersize=5.5,
        elinewidth=2,
    )
    upper.set(xlim=(0, 1.02), ylim=(0, 1.02), ylabel="right")
    set_title(upper, title)
    upper.grid(visible=True)
    upper.text(0.03, 0.95, note, transform=upper.transAxes, va="top", color=INK)
    middles = [(bin_["above"] + bin_["to"]) / 2 for bin_ in bins]
    widths = [bin_["to"] - bin_["above"] for bin_ in bins]
    lower.bar(middles, [bin_["count"] for bin_ in bins], width=np.array(widths) * 0.86, color="#9dbbdb")
    lower.set(xlim=(0, 1.02), xlabel="confidence", ylabel="pictures", yscale="log")
    lower.set_ylim(0.7)
    lower.grid(visible=True, axis="y")
    for axes in (upper, lower):
        axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    upper.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    lower.yaxis.set_major_formatter(lambda count, _: f"{count:,.0f}")
    lower.yaxis.set_minor_locator(NullLocator())
    return figure
