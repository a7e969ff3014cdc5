"""The shipped models, asked over HTTP for all of MNIST's test pictures, are exactly as good as their cards say."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import cv2
import httpx
import numpy as np
import numpy.typing as npt
import pytest

from tests.e2e.requests import RAW
from tests.e2e.service_process import Service, started
from tests.processes import ROOT, run_python

pytestmark = pytest.mark.slow
MODELS = ROOT / "models"
CHUNK = 400
CONNECTIONS = 4
LOADER = """
import sys, numpy as np
from training.data import load
from training.errors import DataUnavailableError
try:
    mnist = load("mnist")
except DataUnavailableError as error:
    sys.exit(f"UNAVAILABLE {error}")
np.savez(sys.argv[1], images=mnist.x_test[..., 0], labels=mnist.y_test)
"""


@dataclass(frozen=True)
class Mnist:
    """`images` uint8 (10000, 28, 28), `labels` uint8 (10000)."""

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.uint8]


@pytest.fixture(scope="module")
def mnist(tmp_path_factory: pytest.TempPathFactory) -> Mnist:
    """Loaded in a process of its own: one of the sources is Keras."""
    file = tmp_path_factory.mktemp("mnist") / "test.npz"
    kept = {name: os.environ[name] for name in ("DIGITS_DATA_DIR", "DIGITS_CACHE_DIR") if name in os.environ}
    ran = run_python(["-c", LOADER, str(file)], kept)
    if ran.stderr.rpartition("UNAVAILABLE ")[1]:
        pytest.skip(ran.stderr.rpartition("UNAVAILABLE ")[2])
    assert ran.returncode == 0, ran.stderr
    with np.load(file, allow_pickle=False) as arrays:
        return Mnist(arrays["images"], arrays["labels"])


@pytest.fixture(scope="module")
def shipped() -> Iterator[Service]:
    with started(MODELS, default_model="cnn", version_policy="all") as service:
        service.wait_until_ready()
        yield service


def card(model: str) -> dict[str, Any]:
    """Of the newest version that ships."""
    newest = max((path for path in (MODELS / model).iterdir() if path.name.isdigit()), key=lambda path: int(path.name))
    document: dict[str, Any] = json.loads((newest / "assets.extra" / "card.json").read_bytes())
    return document


def as_raw(images: npt.NDArray[np.uint8]) -> dict[str, Any]:
    return {"content": images.tobytes(), "headers": RAW}


def as_png_files(images: npt.NDArray[np.uint8]) -> dict[str, Any]:
    files = (cv2.imencode(".png", image)[1].tobytes() for image in images)
    return {"files": [("file", (f"{at}.png", png, "image/png")) for at, png in enumerate(files)]}


@pytest.mark.parametrize("model", ["cnn", "mlp"])
@pytest.mark.parametrize("form", [as_raw, as_png_files])
def test_the_whole_test_set_gives_the_confusion_matrix_on_the_card(
    form: Callable[[npt.NDArray[np.uint8]], dict[str, Any]], model: str, shipped: Service, mnist: Mnist
) -> None:
    version = card(model)["version"]
    with shipped.fresh(limits=httpx.Limits(max_connections=CONNECTIONS)) as client:

        def digits(start: int) -> list[int]:
            path = f"/predict?model={model}&version={version}"
            response = client.post(path, **form(mnist.images[start : start + CHUNK]))
            assert response.status_code == 200, response.text[:500]
            return [prediction["digit"] for prediction in response.json()["predictions"]]

        with ThreadPoolExecutor(CONNECTIONS) as pool:
            found = np.concatenate(list(pool.map(digits, range(0, len(mnist.images), CHUNK))))
    matrix = np.zeros((10, 10), int)
    np.add.at(matrix, (mnist.labels, found), 1)
    stated = card(model)["metrics"]["test"]
    assert matrix.tolist() == stated["confusion_matrix"]
    assert matrix.trace() == stated["correct"] == round(stated["accuracy"] * 10_000)
    assert matrix.sum() == stated["total"] == 10_000


def test_every_picture_alone_as_the_body_of_a_request_is_prepared_to_what_it_was(
    shipped: Service, mnist: Mnist
) -> None:
    """A picture that already is as MNIST's are passes through the preparation untouched; so raw and PNG agree."""
    some = np.random.default_rng(0).choice(len(mnist.images), 300, replace=False)
    for image in mnist.images[some]:
        raw = shipped.client.post("/predict", **as_raw(image[np.newaxis])).json()["predictions"]
        png = shipped.client.post("/predict", content=cv2.imencode(".png", image)[1].tobytes()).json()["predictions"]
        assert raw == png
