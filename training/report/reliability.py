"""The calibration diagram as SVG: accuracy over stated confidence, and how many pictures stand behind each point."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from training.evaluate.intervals import wilson_interval
from training.report.svg import Drawing, Scale

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from markupsafe import Markup

_WIDTH, _HEIGHT = 520.0, 460.0
_LEFT, _RIGHT, _TOP = 58.0, 16.0, 14.0
_UPPER_END, _LOWER_START, _LOWER_END = 318.0, 340.0, 416.0


def reliability_svg(bins: Sequence[Mapping[str, Any]]) -> Markup:
    """Of the bins of `training.metrics.reliability_bins`, each with its 95 % interval."""
    across = Scale(0, 1, _LEFT, _WIDTH - _RIGHT)
    upwards = Scale(0, 1, _UPPER_END, _TOP)
    drawing = Drawing(_WIDTH, _HEIGHT, "Calibration", _in_words(bins))
    for share in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
        drawing.line(_LEFT, upwards(share), _WIDTH - _RIGHT, upwards(share), "grid")
        drawing.text(_LEFT - 8, upwards(share) + 4, f"{share:.0%}", "tick", "end")
        drawing.text(across(share), _LOWER_END + 18, f"{share:.0%}", "tick")
    drawing.line(across(0), upwards(0), across(1), upwards(1), "ideal")
    for bin_ in bins:
        reach = wilson_interval(round(bin_["accuracy"] * bin_["count"]), bin_["count"])
        x = across(bin_["confidence"])
        drawing.line(x, upwards(reach.low), x, upwards(reach.high), "reach")
        drawing.circle(x, upwards(bin_["accuracy"]), 4.6, "dot a")
    _draw_counts(drawing, bins, across)
    drawing.text(14, (_TOP + _UPPER_END) / 2, "right", "tick", turned=True)
    drawing.text(14, (_LOWER_START + _LOWER_END) / 2, "pictures", "tick", turned=True)
    drawing.text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 6, "confidence", "tick")
    return drawing.markup()


def _draw_counts(drawing: Drawing, bins: Sequence[Mapping[str, Any]], across: Scale) -> None:
    most = max([10, *(bin_["count"] for bin_ in bins)])
    decades = math.ceil(math.log10(most))
    height = Scale(0.6, 10.0**decades, _LOWER_END, _LOWER_START, "log")
    for power in range(0, decades + 1, 2 if decades > 2 else 1):
        drawing.line(_LEFT, height(10**power), _WIDTH - _RIGHT, height(10**power), "grid")
        drawing.text(_LEFT - 8, height(10**power) + 4, f"{10**power:,}", "tick", "end")
    for bin_ in bins:
        left, right, top = across(bin_["above"]) + 2, across(bin_["to"]) - 2, height(bin_["count"])
        drawing.rect(left, top, right - left, _LOWER_END - top, "bar", radius=2)
    drawing.line(_LEFT, _LOWER_END, _WIDTH - _RIGHT, _LOWER_END, "axis")


def _in_words(bins: Sequence[Mapping[str, Any]]) -> str:
    return "; ".join(
        f"{bin_['count']} pictures at {bin_['confidence']:.0%} confidence, {bin_['accuracy']:.0%} of them right"
        for bin_ in bins
    )
