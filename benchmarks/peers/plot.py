"""Latency against throughput, all servers in one picture: closed loop on the left, open loop on the right."""

from __future__ import annotations

import math
from pathlib import Path

from benchmarks.peers.contest import Contest
from benchmarks.peers.figures import of, opened, p50, rate, servers
from benchmarks.peers.report import PNG_LOADS, TITLES
from benchmarks.peers.turn import OURS

# Okabe and Ito's colours, which people who confuse red and green tell apart.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#555555")
_MARKS = ("o", "s", "^", "D", "v", "P", "X")


def draw(contest: Contest, path: Path) -> None:
    """Write the plot to `path`, as its ending says (SVG, PNG); medians over the rounds."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    with mpl.rc_context({"svg.fonttype": "path", "font.size": 9, "svg.hashsalt": "digits"}):
        figure, (closed, opened_axes) = plt.subplots(1, 2, figsize=(11, 4.6), facecolor="white", layout="constrained")
        for number, name in enumerate(servers(contest)):
            style = {
                "color": _COLOURS[number % len(_COLOURS)],
                "marker": _MARKS[number % len(_MARKS)],
                "linewidth": 2.4 if name == OURS else 1.2,
                "markersize": 5,
                "label": TITLES[name],
            }
            closed.plot(*_points(_closed(contest, name)), **style)
            opened_axes.plot(*_points(_open(contest, name)), **style)
        closed.set_title("1, 8, 32, 128 connections, each waiting for its answer")
        closed.set_ylabel("p50, ms")
        opened_axes.set_title("requests as they come (Poisson), from when they were due")
        opened_axes.set_ylabel("p99, ms")
        for axes in (closed, opened_axes):
            axes.set_xlabel("answered 28×28 PNGs per second")
            if any(len(line.get_xdata()) for line in axes.lines):  # an empty one cannot be logarithmic
                axes.set_xscale("log")
                axes.set_yscale("log")
            axes.grid(visible=True, which="major", color="#dddddd", linewidth=0.7)
            axes.spines[["top", "right"]].set_visible(False)
            axes.xaxis.set_major_formatter("{x:,.0f}")
            axes.yaxis.set_major_formatter("{x:g}")
        closed.legend(frameon=False, loc="best")
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=110, metadata={"Date": None} if path.suffix == ".svg" else None)
        plt.close(figure)


def _closed(contest: Contest, name: str) -> list[tuple[float, float]]:
    return [(of(contest, name, rate(key)).median, of(contest, name, p50(key)).median) for key in PNG_LOADS]


def _open(contest: Contest, name: str) -> list[tuple[float, float]]:
    shares = sorted({share for turns in contest.rounds for turn in turns if turn.server == name for share in turn.open})
    return [
        (
            of(contest, name, opened(share, lambda run: run.goodput)).median,
            of(contest, name, opened(share, lambda run: run.answered.p99_ms)).median,
        )
        for share in shares
    ]


def _points(found: list[tuple[float, float]]) -> tuple[list[float], list[float]]:
    """Without what was not measured or cannot be shown on a logarithmic axis."""
    shown = [(x, y) for x, y in found if math.isfinite(x) and math.isfinite(y) and x > 0 and y > 0]
    return [x for x, _ in shown], [y for _, y in shown]
