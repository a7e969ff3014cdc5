"""Pictures in rows, each with what it is and what it was taken for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from training.plots.style import PALE, RED, new_figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from training.evaluate.evaluation import Mistake

_COLUMNS = 8


def mistakes_figure(images: NDArray[np.uint8], mistakes: Sequence[Mistake], title: str) -> Figure:
    """`images` (M, H, W, C), ink bright as the model sees them, are shown dark on white when they are grey.

    One of no mistakes at all says so.
    """
    rows = max(1, math.ceil(len(mistakes) / _COLUMNS))
    figure, axes = new_figure(1.18 * _COLUMNS, 1.62 * rows + 0.55, rows, _COLUMNS)
    for one in axes:
        one.set_axis_off()
    for one, image, mistake in zip(axes, images, mistakes, strict=False):
        grey = image.shape[-1] == 1
        one.imshow(
            image[..., 0] if grey else image, cmap="gray_r" if grey else None, vmin=0, vmax=255, interpolation="nearest"
        )
        one.set_title(f"{mistake.true} → {mistake.predicted}", fontsize=10, color=RED, loc="center", pad=4)
        one.text(
            0.5,
            -0.05,
            f"{mistake.confidence:.1%} sure\ntrue: {_percent(mistake.of_truth)}",
            transform=one.transAxes,
            ha="center",
            va="top",
            size=7.5,
            color=PALE,
        )
    if not mistakes:
        axes[0].text(0, 0.5, "no mistakes", transform=axes[0].transAxes, color=PALE)
    figure.suptitle(title, x=0.01, ha="left", weight="bold", size=11)
    return figure


def _percent(share: float) -> str:
    return f"{share:.1%}" if share >= 0.001 else "< 0.1%"
