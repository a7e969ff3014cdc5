"""The kernels of the first layers, all of a layer on one grey scale: mid-grey is 0, white the largest weight."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from training.report.pictures import png_url

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

_MOST_TILES = 64
_MOST_CHANNELS = 48


@dataclass(frozen=True)
class KernelSheet:
    """The kernels of `layer`. Either `tiles`, one picture for each kernel that looks at the input itself, or `sheet`,
    one picture with a row for each input channel and a column for each kernel, `sheet_width` pixels wide.

    White stands for `limit`, black for its negative; what lies beyond, the share `clipped` of all weights, is shown so
    too. `shown` of `there` kernels are in it.
    """

    layer: str
    size: str
    limit: float
    clipped: float
    shown: int
    there: int
    tiles: tuple[str, ...] = ()
    sheet: str = ""
    sheet_width: int = 0
    sheet_height: int = 0


def kernel_sheets(
    filters: Mapping[str, NDArray[np.float32]], layers: Sequence[Mapping[str, Any]], input_shape: Sequence[int]
) -> list[KernelSheet]:
    """Those of the first layer with weights, and of the second where both are convolutions.

    `filters` are the outputs of the signature of that name, `layers` the card's. A layer whose kernels are no pictures
    of the input, such as a dense one behind a hidden one, has no sheet.
    """
    names = [row["name"] for row in layers if f"{row['name']}/kernel" in filters]
    sheets = []
    for index, name in enumerate(names[:2]):
        kernel = np.asarray(filters[f"{name}/kernel"])
        if kernel.ndim == 4 and kernel.shape[2] in (1, 3):
            sheets.append(_tiles(name, kernel, np.abs(kernel).max()))
        elif kernel.ndim == 4:
            sheets.append(_sheet(name, kernel))
        elif index == 0 and kernel.ndim == 2 and len(kernel) == math.prod(input_shape) and input_shape[-1] in (1, 3):
            # A few weights at the border, which is never inked, are far larger than all others.
            sheets.append(_tiles(name, kernel.reshape(*input_shape, -1), np.quantile(np.abs(kernel), 0.998)))
    return sheets


def _tiles(name: str, kernel: NDArray[np.float32], limit: Any) -> KernelSheet:
    height, width, _, there = kernel.shape
    norms = np.linalg.norm(kernel.reshape(-1, there), axis=0)
    chosen = np.sort(np.argsort(-norms, kind="stable")[:_MOST_TILES])
    grey = _grey(kernel[..., chosen], float(limit))
    tiles = (grey[..., index] for index in range(len(chosen)))
    return KernelSheet(
        layer=name,
        size=f"{height} × {width}",
        limit=float(limit),
        clipped=float((np.abs(kernel) > limit).mean()),
        shown=len(chosen),
        there=there,
        tiles=tuple(png_url(tile[..., 0] if tile.shape[-1] == 1 else tile) for tile in tiles),
    )


def _sheet(name: str, kernel: NDArray[np.float32]) -> KernelSheet:
    limit, there = float(np.abs(kernel).max()), kernel.shape[3]
    height, width, rows, columns = kernel[:, :, :_MOST_CHANNELS, :_MOST_CHANNELS].shape
    grey = _grey(kernel[:, :, :rows, :columns], limit)
    pixels = np.zeros((rows * (height + 1) - 1, columns * (width + 1) - 1, 2), np.uint8)  # what is between is nothing
    for row in range(rows):
        for column in range(columns):
            y, x = row * (height + 1), column * (width + 1)
            pixels[y : y + height, x : x + width, 0] = grey[:, :, row, column]
            pixels[y : y + height, x : x + width, 1] = 255
    return KernelSheet(
        layer=name,
        size=f"{height} × {width} × {kernel.shape[2]}",
        limit=limit,
        clipped=0.0,
        shown=columns,
        there=there,
        sheet=png_url(pixels),
        sheet_width=pixels.shape[1],
        sheet_height=pixels.shape[0],
    )


def _grey(weights: NDArray[np.float32], limit: float) -> NDArray[np.uint8]:
    share = np.clip(weights / (limit or 1.0), -1.0, 1.0)
    return np.rint(127.5 + 127.5 * share).astype(np.uint8)
