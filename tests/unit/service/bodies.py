"""Request bodies: the same pictures in every form in which the service takes them."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import orjson

BOUNDARY = "a-boundary-that-no-picture-holds"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"
JSON = "application/json"
RAW = "application/octet-stream"
NPY = "application/x-npy"
PNG = "image/png"


def png(picture: npt.NDArray[np.uint8]) -> bytes:
    """A PNG of uint8 (H, W) or (H, W, 1), lossless."""
    encoded, buffer = cv2.imencode(".png", picture)
    assert encoded
    return buffer.tobytes()


def npy(array: npt.NDArray[Any], version: tuple[int, int] | None = None) -> bytes:
    """A `.npy` file."""
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version, allow_pickle=True)
    return file.getvalue()


def json(*images: object) -> bytes:
    """`{"images": […]}`; bytes become base64, arrays nested lists."""

    def element(image: object) -> object:
        if isinstance(image, bytes):
            return base64.b64encode(image).decode()
        return image.tolist() if isinstance(image, np.ndarray) else image

    return orjson.dumps({"images": [element(image) for image in images]})


def multipart(*files: bytes, names: Iterable[str] | None = None) -> bytes:
    """One part per file, in fields called `names` or all `file`; needs the content type `MULTIPART`."""
    body = b""
    for content, name in zip(files, names or ["file"] * len(files), strict=True):
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="picture"\r\n\r\n'
        body += head.encode() + content + b"\r\n"
    return body + f"--{BOUNDARY}--\r\n".encode()


def digit(seed: int = 0) -> npt.NDArray[np.uint8]:
    """uint8 (28, 28) in MNIST's canon, which picture preparation keeps bit for bit: 20 pixels high, centred by mass."""
    random = np.random.default_rng(seed)
    half_width = int(random.integers(3, 10))
    ink = random.integers(0, 256, (20, 2 * half_width), np.uint8) * (random.random((20, 2 * half_width)) < 0.5)
    ink[0, 0] = 255
    picture = np.zeros((28, 28), np.uint8)
    picture[4:24, 14 - half_width : 14 + half_width] = np.maximum(ink, ink[::-1, ::-1])  # so its centre is its centre
    return picture
