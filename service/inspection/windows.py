"""What a window found on its way over a picture: as JSON, and as pictures beside the one it went over."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from service.inspection import formats, sheets, tiles
from service.inspection.filtering import Array
from service.inspection.sheets import Tile

_TILE_PX: Final = 280
_COLUMNS: Final = 4
_SHOWN_MAX: Final = 32


def document(found: Array) -> dict[str, Any]:
    """`{"shape", "range", "output"}` of (H, W) or (H, W, F)."""
    return {
        "shape": list(found.shape),
        "range": [float(found.min()), float(found.max())],
        "output": formats.numbers(found),
    }


def sheet(given: Array, found: Array) -> bytes:
    """A PNG of the picture (H, W, C) and of the first outputs, each on its own grey scale, or in colours below 0."""
    outputs = found[..., np.newaxis] if found.ndim == 2 else found
    shown = [np.asarray(outputs[..., at], np.float32) for at in range(min(outputs.shape[2], _SHOWN_MAX))]
    painted = [tiles.painted([one], "signed" if one.min() < 0 else "grey")[0] for one in shown]
    named = [Tile(f"output {at}" if len(shown) > 1 else "output", one) for at, one in enumerate(painted)]
    return sheets.sheet([Tile("picture", _as_picture(given)), *named], columns=_COLUMNS, tile_px=_TILE_PX)


def _as_picture(given: Array) -> sheets.Picture:
    if given.shape[2] == 3 and given.min() >= 0 and given.max() <= 255:
        return np.rint(given).astype(np.uint8)
    (grey,) = tiles.painted([np.asarray(given.mean(axis=2), np.float32)], "grey")
    return grey
