"""One look for every figure, and the one way in which figures become files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from training.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

INK, PALE, GRID, PAPER = "#1d2733", "#66717e", "#e4e7eb", "#ffffff"
BLUE, ORANGE, GREEN, RED = "#2563a8", "#d9822b", "#2f8f5b", "#b3362f"
# Okabe and Ito's, told apart with any colour vision, darkened where they are too light for a line on white.
SERIES = ("#2563a8", "#d9822b", "#2f8f5b", "#8e5ea2", "#b3362f", "#4aa3c7", "#8a6d3b", "#5b6770")
SUFFIXES = (".png", ".svg", ".pdf")
DPI = 160

_LOOK: Any = {  # matplotlib's own type for it is a list of 300 names
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.labelcolor": PALE,
    "axes.edgecolor": "#b8bfc7",
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "text.color": INK,
    "xtick.color": PALE,
    "ytick.color": PALE,
    "legend.frameon": False,
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    # So that the same figure is the same file.
    "svg.hashsalt": "digits",
}


def new_figure(
    width_inches: float,
    height_inches: float,
    rows: int = 1,
    columns: int = 1,
    height_ratios: Sequence[float] | None = None,
) -> tuple[Figure, list[Axes]]:
    """An empty figure in our look and its axes, row by row."""
    with mpl.rc_context(_LOOK):
        figure = Figure(figsize=(width_inches, height_inches), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(rows, columns, squeeze=False, height_ratios=height_ratios)
    return figure, list(axes.flat)


def set_title(axes: Axes, title: str) -> None:
    """Over the axes, at their left edge."""
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold", color=INK, pad=10)


def require_picture(path: Path) -> None:
    """Find out before the work, and without writing, that a figure can be saved there.

    Raises `ConfigurationError` for a suffix that is none of ours, or a directory that does not exist.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise ConfigurationError(f"{path}: a picture ends in one of {', '.join(SUFFIXES)}.")
    if not path.parent.is_dir():
        raise ConfigurationError(f"{path} cannot be written: there is no directory {path.parent}.")


def save(figure: Figure, path: Path) -> None:
    """Write the figure as its suffix says: PNG, SVG or PDF. Raises `ConfigurationError` when it cannot be written."""
    require_picture(path)
    undated = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}, ".png": {"Software": None}}[path.suffix.lower()]
    try:
        with mpl.rc_context(_LOOK):
            figure.savefig(path, dpi=DPI, metadata=undated)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror or error}") from error
