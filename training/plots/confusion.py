"""The confusion matrix: what is right is a quiet diagonal, so that the mistakes are what the eye finds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import FancyBboxPatch

from training.plots.style import INK, PALE, new_figure, set_title

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

_WRONG = LinearSegmentedColormap.from_list("wrong", ["#fdf1e7", "#f2a65a", "#b3362f"])
_DIAGONAL, _EMPTY = "#dbe7f3", "#fafbfc"


def confusion_figure(matrix: NDArray[np.int64], labels: Sequence[str], title: str) -> Figure:
    """Counts (K, K), true class by predicted class; mistakes are shaded by their number, on a scale of roots."""
    classes = len(labels)
    side = max(5.0, 0.5 * classes + 1.2)
    figure, (axes,) = new_figure(side + 0.4, side + 0.3)
    wrong = np.where(np.eye(classes, dtype=bool), 0, matrix)
    strength = np.sqrt(wrong / max(1, wrong.max()))
    for row in range(classes):
        for column in range(classes):
            count, shade = int(matrix[row, column]), float(strength[row, column])
            colour = _DIAGONAL if row == column else _WRONG(shade) if count else _EMPTY
            axes.add_patch(_cell(column, row, colour))
            if count and classes <= 30:
                ink = "white" if row != column and shade > 0.8 else INK
                weight = "normal" if row == column else "bold"
                axes.text(column, row, str(count), ha="center", va="center", size=8, color=ink, weight=weight)
    axes.set_xlim(-0.5, classes - 0.5)
    axes.set_ylim(classes - 0.5, -0.5)
    axes.set_aspect("equal")
    turned = max(map(len, labels)) > 2
    axes.set_xticks(range(classes), labels, rotation=90 if turned else 0)
    axes.set_yticks(range(classes), labels)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("predicted", color=PALE)
    axes.set_ylabel("true", color=PALE)
    set_title(axes, title)
    return figure


def _cell(column: int, row: int, colour: Any) -> FancyBboxPatch:
    return FancyBboxPatch(
        (column - 0.44, row - 0.44),
        0.88,
        0.88,
        boxstyle="round,pad=0,rounding_size=0.08",
        facecolor=colour,
        edgecolor="none",
    )
