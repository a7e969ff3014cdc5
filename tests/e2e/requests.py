"""Pictures in every form in which they may be sent, and the answers as arrays."""

from __future__ import annotations

import base64
import io
from typing import Any

import httpx
import numpy as np
import numpy.typing as npt
from PIL import Image

Array = npt.NDArray[np.uint8]
LOSSLESS = {"PNG": {}, "GIF": {}, "BMP": {}, "TIFF": {}, "WEBP": {"lossless": True}}
RAW = {"Content-Type": "application/octet-stream"}


def encoded(image: Array, file_format: str = "PNG", **options: Any) -> bytes:
    """`image` uint8 (28, 28) or (28, 28, 1) as a file."""
    buffer = io.BytesIO()
    Image.fromarray(image.reshape(28, 28)).save(buffer, file_format, **options)
    return buffer.getvalue()


def npy(array: npt.NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def as_base64(images: Array) -> dict[str, list[str]]:
    """The JSON document that holds `images` (N, 28, 28, 1) as PNG files."""
    return {"images": [base64.b64encode(encoded(image)).decode() for image in images]}


def as_files(images: Array) -> list[tuple[str, tuple[str, bytes, str]]]:
    """What httpx sends as a form with one PNG file for each of `images` (N, 28, 28, 1)."""
    return [("file", (f"{at}.png", encoded(image), "image/png")) for at, image in enumerate(images)]


def rows(response: httpx.Response) -> npt.NDArray[np.float64]:
    """The probabilities (N, 10) in an answer whose pictures are all well, and which agrees with itself."""
    assert response.status_code == 200, response.text
    predictions = response.json()["predictions"]
    probabilities = np.array([prediction["probabilities"] for prediction in predictions])
    assert [prediction["digit"] for prediction in predictions] == probabilities.argmax(axis=1).tolist()
    np.testing.assert_allclose([prediction["confidence"] for prediction in predictions], probabilities.max(axis=1))
    return probabilities


def error(response: httpx.Response) -> dict[str, Any]:
    """The error in an answer, which has the one shape that errors have and carries the request's id."""
    assert response.headers["content-type"] == "application/json"
    document = response.json()
    assert set(document) == {"error"}
    found: dict[str, Any] = document["error"]
    assert {"type", "message", "request_id"} <= set(found) <= {"type", "message", "request_id", "field"}
    assert found["request_id"] == response.headers["x-request-id"]
    return found
