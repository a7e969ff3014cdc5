"""What preparation did to a picture, for people: every step as a picture, and what was found on the way."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from service.catalogue import ModelVersion
from service.images import WARNINGS, Prepared, Step

_TILE_PX = 196
_TILES_A_ROW = 5
_CAPTION_PX = 22
_GAP_PX = 8
_PAPER = 255
_TEXT = 60


def document(version: ModelVersion, prepared: Prepared, steps: Sequence[Step]) -> dict[str, Any]:
    """`{"model", "version", "width", "height", "image", "quality", "steps"}`, ready to be sent as JSON.

    `image`: what the model sees, 28 rows of 28 numbers. `steps`: each with its name, size and a base64 PNG.
    """
    quality = asdict(prepared.quality)
    quality["warnings"] = {name: WARNINGS[name] for name in prepared.quality.warnings}
    return {
        "model": version.name,
        "version": version.version,
        "width": prepared.width,
        "height": prepared.height,
        "image": prepared.image[:, :, 0].tolist(),
        "quality": quality,
        "steps": [
            {
                "name": step.name,
                "width": step.image.shape[1],
                "height": step.image.shape[0],
                "png": base64.b64encode(_png(step.image)).decode(),
            }
            for step in steps
        ],
    }


def sheet(steps: Sequence[Step]) -> bytes:
    """All steps in one PNG, left to right and row by row, each with its name below."""
    tiles = [_tile(step) for step in steps]
    tiles += [np.full_like(tiles[0], _PAPER)] * (-len(tiles) % _TILES_A_ROW)
    rows = [np.hstack(tiles[at : at + _TILES_A_ROW]) for at in range(0, len(tiles), _TILES_A_ROW)]
    return _png(np.vstack(rows))


def _tile(step: Step) -> npt.NDArray[np.uint8]:
    """uint8 (H, W, 3) RGB of one size for all steps."""
    picture = step.image if step.image.ndim == 3 else cv2.cvtColor(step.image, cv2.COLOR_GRAY2RGB)
    height, width = picture.shape[:2]
    scale = _TILE_PX / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    # Enlarged pixels stay what they are: that is what the model sees.
    scaled = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST)
    tile = np.full((_TILE_PX + _CAPTION_PX + _GAP_PX, _TILE_PX + 2 * _GAP_PX, 3), _PAPER, np.uint8)
    top, left = _GAP_PX + (_TILE_PX - size[1]) // 2, _GAP_PX + (_TILE_PX - size[0]) // 2
    tile[top : top + size[1], left : left + size[0]] = scaled
    where = (_GAP_PX, _GAP_PX + _TILE_PX + _CAPTION_PX - 7)
    cv2.putText(tile, step.name, where, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (_TEXT,) * 3, 1, cv2.LINE_AA)
    return tile


def _png(picture: npt.NDArray[np.uint8]) -> bytes:
    in_opencv_order = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    written, data = cv2.imencode(".png", in_opencv_order)
    if not written:
        raise ValueError(f"no PNG can be made of an array of shape {picture.shape}")
    return data.tobytes()
