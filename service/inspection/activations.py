"""What the channels of a layer give for a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from service.inspection import formats, sheets, tiles
from service.inspection.layers import Layer
from service.inspection.sheets import Tile

_TILE_PX = 96
_COLUMNS = 8
_UNITS_A_ROW = 32


def statistics(values: npt.NDArray[np.float32]) -> list[dict[str, float]]:
    """For each channel of (H, W, K) or (K): `mean`, `maximum` and `zeros`, the share of its places that are 0."""
    flat = values.reshape(-1, values.shape[-1])
    return [
        {"channel": channel, "mean": mean, "maximum": maximum, "zeros": zeros}
        for channel, (mean, maximum, zeros) in enumerate(
            zip(
                formats.numbers(flat.mean(axis=0)),
                formats.numbers(flat.max(axis=0)),
                formats.numbers((flat == 0).mean(axis=0)),
                strict=True,
            )
        )
    ]


def document(row: Layer, values: npt.NDArray[np.float32], channels: Sequence[int]) -> dict[str, Any]:
    """A layer's channels with their statistics and values, in the order of `channels`."""
    every = statistics(values)
    return {
        "layer": row["name"],
        "type": row["type"],
        "shape": list(values.shape),
        "channels": [{**every[channel], "values": formats.numbers(values[..., channel])} for channel in channels],
    }


def overview(row: Layer, values: npt.NDArray[np.float32]) -> dict[str, Any]:
    """A layer's channels with their statistics alone."""
    return {"layer": row["name"], "type": row["type"], "shape": list(values.shape), "channels": statistics(values)}


def maps(values: npt.NDArray[np.float32], channels: Sequence[int]) -> npt.NDArray[np.float32]:
    """(H, W, n) or (n): the channels asked for."""
    return np.ascontiguousarray(values[..., list(channels)])


def sheet(every: Sequence[npt.NDArray[np.float32]], channels: Sequence[int], picture: sheets.Picture) -> bytes:
    """A PNG: the picture, then the maps of all `channels`, for each of `every` layer's values in a row of its own.

    Each row has one scale for all its maps. Units without places become one strip.
    """
    if every[0].ndim == 1:
        strips = [Tile("picture", picture), *(Tile("units", _strip(maps(values, channels))) for values in every)]
        return sheets.sheet(strips, columns=len(strips), tile_px=4 * _TILE_PX)
    tiles_of = [_named(maps(values, channels), channels) for values in every]
    if len(every) == 1:
        return sheets.sheet([Tile("picture", picture), *tiles_of[0]], columns=_COLUMNS, tile_px=_TILE_PX)
    # Trained above untrained, channel by channel.
    pairs = [tile for pair in zip(*tiles_of, strict=True) for tile in pair]
    return sheets.sheet([Tile("picture", picture), Tile("", picture), *pairs], columns=_COLUMNS, tile_px=_TILE_PX)


def _named(shown: npt.NDArray[np.float32], channels: Sequence[int]) -> list[Tile]:
    painted = tiles.painted([shown[..., at] for at in range(len(channels))], "signed" if shown.min() < 0 else "heat")
    return [Tile(f"channel {channel}", one) for channel, one in zip(channels, painted, strict=True)]


def _strip(units: npt.NDArray[np.float32]) -> sheets.Picture:
    padded = np.zeros(-(-len(units) // _UNITS_A_ROW) * _UNITS_A_ROW, np.float32)
    padded[: len(units)] = units
    (strip,) = tiles.painted([padded.reshape(-1, _UNITS_A_ROW)], "signed" if units.min() < 0 else "heat")
    return strip
