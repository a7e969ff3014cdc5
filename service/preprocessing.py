"""What preparation did to a picture, for people: every step as a picture, and what was found on the way."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from service.catalogue import ModelVersion
from service.images import WARNINGS, Prepared, Step
from service.inspection import sheets
from service.inspection.sheets import Tile

_TILE_PX = 196
_TILES_A_ROW = 5


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
                "png": base64.b64encode(sheets.png(step.image)).decode(),
            }
            for step in steps
        ],
    }


def sheet(steps: Sequence[Step]) -> bytes:
    """All steps in one PNG, left to right and row by row, each with its name below."""
    return sheets.sheet([Tile(step.name, step.image) for step in steps], columns=_TILES_A_ROW, tile_px=_TILE_PX)
