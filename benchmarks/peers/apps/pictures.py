"""What every peer's application does around the model: a body → pictures, by our own decoder; probabilities → JSON."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import numpy.typing as npt
import orjson

from service.images import read_picture

SHAPE = (28, 28, 1)
_PNG = b"\x89PNG"
_PICTURE_BYTES = 28 * 28

Images = npt.NDArray[np.uint8]
Probabilities = npt.NDArray[np.float32]


def images_of(body: bytes) -> Images:
    """One PNG, JSON `{"images": [base64 or array, …]}`, or raw uint8 → (N, 28, 28, 1).

    Told by its first bytes: not every peer shows the `Content-Type` to the code that decodes.

    :raise ValueError: raw bytes that are not whole pictures, or arrays of another shape.
    :raise service.errors.InputError: a picture that cannot be read.
    """
    if body.startswith(_PNG):
        return read_picture(body)[np.newaxis]
    if body.startswith(b"{"):
        sent = orjson.loads(body)["images"]
        if isinstance(sent[0], str):
            return images_in_base64(sent)
        return np.asarray(sent, np.uint8).reshape(-1, *SHAPE)
    if not body or len(body) % _PICTURE_BYTES:
        raise ValueError(f"{len(body)} bytes are not whole pictures of {_PICTURE_BYTES}")
    return np.frombuffer(body, np.uint8).reshape(-1, *SHAPE)


def images_in_base64(texts: list[str]) -> Images:
    """Picture files in base64 → (N, 28, 28, 1)."""
    return np.stack([read_picture(base64.b64decode(text)) for text in texts])


def answer_of(probabilities: Probabilities, model_dir: Path) -> bytes:
    """(N, K) → `{"model", "version", "predictions": [{"digit", "confidence", "probabilities"}, …]}`."""
    digits = probabilities.argmax(1)
    predictions = [
        {"digit": int(digit), "confidence": float(row[digit]), "probabilities": row}
        for row, digit in zip(probabilities, digits, strict=True)
    ]
    document = {"model": model_dir.parent.name, "version": int(model_dir.name), "predictions": predictions}
    return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
