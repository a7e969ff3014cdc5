"""What is sent: the loads' bodies, in the form that each server speaks, and what the answers hold."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import orjson

from benchmarks.drawn import Picture, draw_digit, png

BULK_PICTURES = 1024
SEVERAL_PNGS = 64
TOLERANCE = 1e-4
"""Probabilities may differ so far: a sum of float32 depends on the batch that a picture is in."""

_DRAWING_PX = 280
_DIGIT = 7

Probabilities = npt.NDArray[np.float32]


class WrongAnswerError(Exception):
    """A server's answer is not what ours is."""


@dataclass(frozen=True)
class Body:
    """One request's body in a file."""

    path: Path
    content_type: str
    pictures: int


Bodies = Mapping[str, Body]
"""By the load's kind: `png`, `drawing`, `several`, `raw`, `json`. One that a server cannot take is not there."""


def drawing() -> Picture:
    """A digit drawn on a canvas of 280×280 pixels, black on white, as a page would send it."""
    canvas = np.full((_DRAWING_PX, _DRAWING_PX), 255, np.uint8)
    cv2.putText(canvas, "3", (70, 215), cv2.FONT_HERSHEY_SIMPLEX, 7, 0, 20, cv2.LINE_AA)
    return canvas


def write_bodies(folder: Path) -> dict[str, Bodies]:
    """All bodies as files in `folder`, by the form they are in: `ours`, which most peers' applications share, and `v2`."""
    single = png(draw_digit(_DIGIT))
    canvas = png(drawing())
    digits = np.stack([draw_digit(number % 10) for number in range(BULK_PICTURES)])
    several = [base64.b64encode(png(digit)).decode() for digit in digits[:SEVERAL_PNGS]]
    ours = {
        "png": (single, "image/png", 1),
        "drawing": (canvas, "image/png", 1),
        "several": (orjson.dumps({"images": several}), "application/json", SEVERAL_PNGS),
        "raw": (digits.tobytes(), "application/octet-stream", BULK_PICTURES),
        "json": (orjson.dumps({"images": digits.tolist()}), "application/json", BULK_PICTURES),
    }
    # It has no binary form over HTTP, so there is no "raw".
    v2 = {
        "png": (_v2("BYTES", [base64.b64encode(single).decode()], [1]), "application/json", 1),
        "drawing": (_v2("BYTES", [base64.b64encode(canvas).decode()], [1]), "application/json", 1),
        "several": (_v2("BYTES", several, [SEVERAL_PNGS]), "application/json", SEVERAL_PNGS),
        "json": (_v2("UINT8", digits.ravel().tolist(), [*digits.shape, 1]), "application/json", BULK_PICTURES),
    }
    written: dict[str, Bodies] = {}
    for form, bodies in (("ours", ours), ("v2", v2)):
        written[form] = {}
        for kind, (data, content_type, pictures) in bodies.items():
            path = folder / f"{form}-{kind}"
            path.write_bytes(data)
            written[form] = {**written[form], kind: Body(path, content_type, pictures)}
    return written


def _v2(datatype: str, data: list[Any], shape: list[int]) -> bytes:
    return orjson.dumps({"inputs": [{"name": "images", "datatype": datatype, "shape": shape, "data": data}]})


def probabilities_of(answer: bytes) -> Probabilities:
    """(N, K) out of an answer in either form.

    :raise WrongAnswerError: it has neither.
    """
    try:
        document = json.loads(answer)
        if "outputs" in document:
            (output,) = document["outputs"]
            return np.asarray(output["data"], np.float32).reshape(output["shape"])
        return np.asarray([prediction["probabilities"] for prediction in document["predictions"]], np.float32)
    except (ValueError, KeyError, TypeError) as error:
        raise WrongAnswerError(f"no predictions in {answer[:200]!r}") from error


def compare(answer: bytes, expected: Probabilities) -> None:
    """Every picture's probabilities, in order.

    :raise WrongAnswerError: they differ by more than `TOLERANCE`, or are not as many.
    """
    found = probabilities_of(answer)
    if found.shape != expected.shape:
        raise WrongAnswerError(f"answers of shape {found.shape}, not {expected.shape}")
    farthest = float(np.abs(found - expected).max())
    if not farthest <= TOLERANCE:
        raise WrongAnswerError(f"probabilities differ from ours by up to {farthest:.2g}")
