"""How long a picture takes to be decoded and prepared, on one core: `python -m benchmarks.preparation`.

The pictures are drawn here. Every round goes through all of them, so that a slow minute of the machine falls on none alone;
what is printed is each one's median and its fastest time.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence

import cv2
import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.drawn import Picture, draw_digit, png
from service.images import read_picture

_CANVAS_PX = 280
_PHOTO_PX = 4032, 3024  # height, width: 12 megapixels
_DIGIT = 3
_JPEG_QUALITY = 85
_IN_A_ROW = 5


def pictures() -> dict[str, tuple[bytes, str]]:
    """By name: the file, and how many milliseconds it may take, as people would send them."""
    canvas = _canvas()
    colours = cv2.merge([canvas] * 3)
    alpha = cv2.merge([np.zeros_like(canvas)] * 3 + [cv2.bitwise_not(canvas)])
    photo = cv2.imencode(".jpg", _photo(), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1].tobytes()
    return {
        "28×28 PNG in MNIST's form": (png(draw_digit(_DIGIT)), "0.15"),
        "28×28 PNG, to be prepared": (png(np.roll(draw_digit(_DIGIT), 3, axis=1)), ""),
        "280×280 drawing, grey PNG": (png(canvas), "1"),
        "280×280 drawing, RGB PNG": (png(np.asarray(colours, np.uint8)), "1"),
        "280×280 drawing, RGBA PNG": (png(np.asarray(cv2.cvtColor(colours, cv2.COLOR_BGR2BGRA), np.uint8)), "1"),
        "280×280 drawing, transparent PNG": (png(np.asarray(alpha, np.uint8)), "1"),
        "280×280 drawing, blue ink, RGB PNG": (
            png(np.asarray(cv2.merge([colours[..., 0] // 2 + 127, canvas, canvas]), np.uint8)),
            "",
        ),
        "3024×4032 photo, JPEG": (photo, "60"),
    }


def measure(files: dict[str, bytes], rounds: int, clock: Callable[[], float]) -> dict[str, list[float]]:
    """Milliseconds by name, five of each round; `clock` gives seconds.

    The first reading in a row does not count: what the file before it left of the processor's caches is chance.
    """
    milliseconds: dict[str, list[float]] = {name: [] for name in files}
    for _ in range(rounds):
        for name, data in files.items():
            read_picture(data)
            for _ in range(_IN_A_ROW):
                started = clock()
                read_picture(data)
                milliseconds[name].append(1e3 * (clock() - started))
    return milliseconds


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.preparation", description="Measure how long decoding and preparing a picture takes."
    )
    parser.add_argument("--rounds", type=int, default=20, help="five readings of each picture in every one (20)")
    rounds = parser.parse_args(arguments).rounds
    _stay_on_one_core()
    drawn = pictures()
    measured = measure({name: data for name, (data, _) in drawn.items()}, rounds, time.perf_counter)
    table = Table("", "median ms", "fastest ms", "at most", box=box.SIMPLE_HEAD)
    for name, milliseconds in measured.items():
        table.add_row(name, f"{statistics.median(milliseconds):.3f}", f"{min(milliseconds):.3f}", drawn[name][1])
    Console(highlight=False).print(table)
    return 0


def _stay_on_one_core() -> None:
    if hasattr(os, "sched_setaffinity"):  # Linux alone has it
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    cv2.setNumThreads(1)


def _canvas() -> Picture:
    """A digit drawn with a soft-edged pen, black on white."""
    canvas = np.full((_CANVAS_PX, _CANVAS_PX), 255, np.uint8)
    cv2.putText(canvas, str(_DIGIT), (70, 215), cv2.FONT_HERSHEY_SIMPLEX, 7, 0, 20, cv2.LINE_AA)
    return canvas


def _photo() -> Picture:
    """The same on paper as a phone sees it: light that falls off, grain, a bluish ink. uint8 (H, W, 3) BGR."""
    height, width = _PHOTO_PX
    grain = np.random.default_rng(0).normal(0, 4, (height, width)).astype(np.float32)
    paper = 200 + 20 * np.linspace(0, 1, width, dtype=np.float32) + grain
    sheet = cv2.merge([np.clip(paper, 0, 255).astype(np.uint8)] * 3)
    cv2.putText(sheet, str(_DIGIT), (700, 3000), cv2.FONT_HERSHEY_SIMPLEX, 90, (60, 30, 30), 180, cv2.LINE_AA)
    return np.asarray(sheet, np.uint8)


if __name__ == "__main__":
    sys.exit(main())
