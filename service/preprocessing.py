"""What preparation did to a picture, for people: every step as a picture, and what was found on the way."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from service.catalogue import ModelVersion
from service.images import WARNINGS, Step, Traced
from service.inspection import sheets
from service.inspection.sheets import Tile

_TILE_PX = 196
_TILES_A_ROW = 5


def document(version: ModelVersion, traced: Traced) -> dict[str, Any]:
    """`{"model", "version", "width", "height", "image", "quality", "steps"}`, ready to be sent as JSON.

    `image`: what the model sees, rows of numbers, or of triples where it is in colour. `quality` is that of a digit, and
    None for other things. `steps`: each with its name, size and a base64 PNG.
    """
    quality = None
    if traced.quality is not None:
        warnings = {name: WARNINGS[name] for name in traced.quality.warnings}
        quality = asdict(traced.quality) | {"warnings": warnings}
    grey = traced.image.shape[2] == 1
    return {
        "model": version.name,
        "version": version.version,
        "width": traced.width,
        "height": traced.height,
        "image": (traced.image[:, :, 0] if grey else traced.image).tolist(),
        "quality": quality,
        "steps": [
            {
                "name": step.name,
                "width": step.image.shape[1],
                "height": step.image.shape[0],
                "png": base64.b64encode(sheets.png(step.image)).decode(),
            }
            for step in traced.steps
        ],
    }


def sheet(steps: Sequence[Step]) -> bytes:
    """All steps in one PNG, left to right and row by row, each with its name below."""
    return sheets.sheet([Tile(step.name, step.image) for step in steps], columns=_TILES_A_ROW, tile_px=_TILE_PX)
