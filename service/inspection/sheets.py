"""Pictures of one size with captions, side by side in one PNG."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]
"""(H,W) grey or (H,W,3) RGB."""

_CAPTION_PX: Final = 22
_GAP_PX: Final = 8
_PAPER: Final = 255
_TEXT: Final = 60
_LETTER_PX: Final = 8.2  # what a letter of the caption takes on average


class Tile(NamedTuple):
    """A picture and what stands below it."""

    caption: str
    picture: Picture


def sheet(tiles: Sequence[Tile], *, columns: int, tile_px: int) -> bytes:
    """All `tiles`, left to right and row by row, each scaled to `tile_px` on its longer side, as one PNG."""
    framed = [_framed(tile, tile_px) for tile in tiles]
    columns = min(columns, len(framed))
    framed += [np.full_like(framed[0], _PAPER)] * (-len(framed) % columns)
    rows = [np.hstack(framed[at : at + columns]) for at in range(0, len(framed), columns)]
    return png(np.vstack(rows))


def png(picture: Picture) -> bytes:
    """`picture` as a PNG."""
    in_opencv_order = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    written, data = cv2.imencode(".png", in_opencv_order)
    if not written:
        raise ValueError(f"no PNG can be made of an array of shape {picture.shape}")
    return data.tobytes()


def enlarged(picture: Picture, longer_side_px: int) -> Picture:
    """`picture` with its longer side as long as asked; pixels stay what they are, since they are what a model sees."""
    height, width = picture.shape[:2]
    scale = longer_side_px / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST
    return np.asarray(cv2.resize(picture, size, interpolation=interpolation), np.uint8)


def _framed(tile: Tile, tile_px: int) -> Picture:
    picture = tile.picture if tile.picture.ndim == 3 else cv2.cvtColor(tile.picture, cv2.COLOR_GRAY2RGB)
    scaled = enlarged(np.asarray(picture, np.uint8), tile_px)
    framed = np.full((tile_px + _CAPTION_PX + _GAP_PX, tile_px + 2 * _GAP_PX, 3), _PAPER, np.uint8)
    top, left = _GAP_PX + (tile_px - scaled.shape[0]) // 2, _GAP_PX + (tile_px - scaled.shape[1]) // 2
    framed[top : top + scaled.shape[0], left : left + scaled.shape[1]] = scaled
    where = (_GAP_PX, _GAP_PX + tile_px + _CAPTION_PX - 7)
    caption = tile.caption[: int((tile_px + _GAP_PX) / _LETTER_PX)]
    cv2.putText(framed, caption, where, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (_TEXT,) * 3, 1, cv2.LINE_AA)
    return framed
