"""A layer's weights: as numbers, and its kernels as one grid on a common grey scale."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from service.errors import NotApplicableError
from service.inspection import formats, sheets, tiles
from service.inspection.layers import Layer

_GAP_PX = 1
_LONGER_SIDE_PX = 640
_LARGEST_GRID = 4096  # kernels; more of them cannot be told apart on a screen


def document(row: Layer, kernel: npt.NDArray[np.float32], bias: npt.NDArray[np.float32]) -> dict[str, Any]:
    """`{"layer", "shape", "kernel", "bias", "range"}`; the axes are those of the SavedModel, output channels last."""
    return {
        "layer": row["name"],
        "type": row["type"],
        "shape": list(kernel.shape),
        "kernel": formats.numbers(kernel),
        "bias": formats.numbers(bias),
        "range": [float(kernel.min()), float(kernel.max())],
    }


def grid(row: Layer, kernel: npt.NDArray[np.float32], before: tuple[int, ...]) -> bytes:
    """A PNG of every kernel: a row for each input channel, a column for each filter, black the lowest weight of all.

    A dense layer's weights are shown as pictures of what it sees, `before` being the shape (H, W, C) of that, where it
    sees a single picture.

    :raise NotApplicableError: the weights form no pictures.
    """
    if kernel.ndim == 2 and len(before) == 3 and before[2] == 1 and math.prod(before) == len(kernel):
        kernel = kernel.reshape(*before, -1)
    if kernel.ndim != 4:
        raise NotApplicableError(
            f"the weights of {row['name']} form no pictures; ask for format=json or npy", field="format"
        )
    height, width, inputs, filters = kernel.shape
    if inputs * filters > _LARGEST_GRID:
        raise NotApplicableError(f"{inputs * filters} kernels are too many for one picture", field="format")
    rows, columns = (inputs, filters) if inputs > 1 else _near_square(filters)
    # (H,W,I,F) → (I·F,H,W), the filter varying fastest, and on to the grid.
    flat = kernel.transpose(2, 3, 0, 1).reshape(-1, height, width)
    paper = np.full((rows * (height + _GAP_PX) + _GAP_PX, columns * (width + _GAP_PX) + _GAP_PX), 128, np.uint8)
    for number, tile in enumerate(tiles.painted(list(flat), "grey")):
        top = _GAP_PX + number // columns * (height + _GAP_PX)
        left = _GAP_PX + number % columns * (width + _GAP_PX)
        paper[top : top + height, left : left + width] = tile
    return sheets.png(sheets.enlarged(paper, max(_LONGER_SIDE_PX, *paper.shape)))


def _near_square(count: int) -> tuple[int, int]:
    columns = math.ceil(math.sqrt(count))
    return math.ceil(count / columns), columns
