"""Requests of every kind, good and bad, over all protocols, for as long as a test needs them."""

from __future__ import annotations

import base64
import contextlib
import json
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

import httpx
import numpy as np

from tests.e2e.requests import RAW, Array, as_base64, encoded
from tests.e2e.service_process import MODEL, Service

PAUSE_SECONDS = 0.01
"""So that what is measured has the cores, and not who asks."""
HURRIED = {"X-Request-Timeout-Ms": "0.01"}
"""Nothing is done in ten microseconds."""


@dataclass
class Load:
    """What was answered so far, by status; a connection that broke counts as 0."""

    statuses: Counter[int] = field(default_factory=Counter)


@contextlib.contextmanager
def mixed_load(service: Service, images: Array) -> Iterator[Load]:
    """One request after the other, in a thread, until the end. `images`: uint8 (N, 28, 28, 1), at least 200."""
    load, over = Load(), threading.Event()

    def ask() -> None:
        with service.fresh() as client:
            for request in cycle(_requests(images)):
                if over.wait(PAUSE_SECONDS):
                    return
                try:
                    load.statuses[client.request(**request).status_code] += 1
                except httpx.TransportError:
                    load.statuses[0] += 1

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield load
    finally:
        over.set()
        thread.join()


def _requests(images: Array) -> list[dict[str, Any]]:
    """One of each kind, as what httpx is asked for."""
    noise = np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8)
    half_bad = as_base64(images[:3])
    half_bad["images"].append("AAAA")
    tensor = {"name": "images", "datatype": "UINT8", "shape": [2, 28, 28, 1], "data": images[:2].ravel().tolist()}
    instances = [{"b64": base64.b64encode(encoded(image)).decode()} for image in images[:2]]
    bodies: list[tuple[str, dict[str, Any]]] = [
        *(("/predict", {"content": encoded(image)}) for image in images[:10]),
        ("/predict", {"json": as_base64(images[:5])}),
        ("/predict", {"content": images[:200].tobytes(), "headers": RAW}),
        ("/predict?label=canary", {"content": encoded(images[1])}),
        ("/predict?prepare=none", {"content": encoded(noise)}),
        ("/predict", {"json": half_bad}),
        ("/predict", {"content": encoded(np.zeros((28, 28), np.uint8))}),
        ("/predict", {"content": b"no picture", "headers": {"Content-Type": "image/png"}}),
        ("/predict?model=nobody", {"content": encoded(images[0])}),
        ("/predict", {"content": encoded(images[2]), "headers": HURRIED}),
        (f"/v1/models/{MODEL}:predict", {"content": json.dumps({"instances": instances})}),
        (f"/v2/models/{MODEL}/infer", {"json": {"inputs": [tensor]}}),
    ]
    return [
        *({"method": "POST", "url": url, **body} for url, body in bodies),
        {"method": "GET", "url": "/models"},
        {"method": "GET", "url": "/nothing/here"},
    ]
