"""Training examples like a picture, and the page about a version, over real HTTP."""

from __future__ import annotations

import base64
import io
import json
import shutil
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.e2e.requests import as_base64, encoded, error
from tests.e2e.service_process import MODEL, started
from tests.reference import Reference, read_signature

pytestmark = pytest.mark.slow

PATH = f"/models/{MODEL}/versions/1"  # the version whose signatures were called
NPY = {"Content-Type": "application/x-npy"}


def npy(pictures: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    np.save(file, pictures)
    return file.getvalue()


@pytest.fixture(scope="module")
def embeddings(reference: Reference) -> NDArray[np.float32]:
    """What TensorFlow's own loader gives before the logits of the first pictures."""
    return read_signature(reference.models_dir.parent, "activations")["flatten1"]


@pytest.fixture(scope="module")
def index(reference: Reference) -> dict[str, NDArray[Any]]:
    with np.load(reference.models_dir / MODEL / "1" / "assets.extra" / "neighbours.npz") as arrays:
        return dict(arrays)


def test_the_nearest_of_several_pictures(
    client: httpx.Client, reference: Reference, embeddings: NDArray[np.float32], index: dict[str, NDArray[Any]]
) -> None:
    pictures = reference.images[: len(embeddings)]
    found = client.post(f"{PATH}/nearest?k=7", content=npy(pictures), headers=NPY).json()
    assert (found["model"], found["version"], found["layer"], found["metric"]) == (MODEL, 1, "flatten1", "cosine")
    assert found["examples"] == len(index["labels"])
    directions = index["directions"].astype(np.float64)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    by_position = {int(position): at for at, position in enumerate(index["positions"])}
    for row, told in enumerate(found["pictures"]):
        embedding = embeddings[row].astype(np.float64)
        distances = 1 - directions @ embedding / np.linalg.norm(embedding)
        assert np.allclose([one["distance"] for one in told["nearest"]], np.sort(distances)[:7], atol=1e-5)
        assert told["predicted"] == {"digit": int(reference.labels[row])}
        for one in told["nearest"]:
            at = by_position[one["position"]]
            assert one["distance"] == pytest.approx(distances[at], abs=1e-5)
            assert one["digit"] == index["labels"][at]
            assert one["source"] == f"toy train[{one['position']}]"
            assert "thumbnail" not in one


def test_embeddings_as_an_array(client: httpx.Client, reference: Reference, embeddings: NDArray[np.float32]) -> None:
    pictures = npy(reference.images[: len(embeddings)])
    answer = client.post(f"{PATH}/nearest", content=pictures, headers={**NPY, "Accept": "application/x-npy"})
    assert np.allclose(np.load(io.BytesIO(answer.content)), embeddings, atol=1e-5)


def test_an_encoded_picture_with_thumbnails(client: httpx.Client, reference: Reference) -> None:
    body = encoded(reference.images[0])
    as_png, as_array = (
        client.post(f"/models/{MODEL}/nearest?k=2&thumbnails={form}", content=body).json()["pictures"][0]["nearest"]
        for form in ("png", "array")
    )
    for one, other in zip(as_png, as_array, strict=True):
        picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(one["thumbnail"]))))
        assert (picture == np.array(other["thumbnail"])[..., 0]).all()


def test_one_strip(client: httpx.Client, reference: Reference) -> None:
    answer = client.post(f"{PATH}/nearest?k=4&format=png", content=encoded(reference.images[0]))
    assert answer.headers["content-type"] == "image/png"
    strip = Image.open(io.BytesIO(answer.content))
    assert strip.width / 5 < strip.height < strip.width / 3


def test_a_picture_that_cannot_be_read_keeps_its_place(client: httpx.Client, reference: Reference) -> None:
    images = as_base64(reference.images[:2])["images"]
    body = {"images": [images[0], "%", images[1]]}
    first, fault, last = client.post(f"{PATH}/nearest", json=body).json()["pictures"]
    assert fault["error"]["field"] == "images[1]"
    assert [one["predicted"]["digit"] for one in (first, last)] == reference.labels[:2].tolist()
    refused = client.post(f"{PATH}/nearest?format=npy", json=body)
    assert (refused.status_code, error(refused)["field"]) == (400, "images[1]")


@pytest.mark.parametrize("query", ["k=0", "k=101", "k=x", "thumbnails=gif", "format=html"])
def test_what_cannot_be(query: str, client: httpx.Client, reference: Reference) -> None:
    refused = client.post(f"{PATH}/nearest?{query}", content=encoded(reference.images[0]))
    assert (refused.status_code, error(refused)["field"]) == (400, query.partition("=")[0])


def test_more_than_one_answer_can_hold(client: httpx.Client, reference: Reference) -> None:
    refused = client.post(f"{PATH}/nearest?k=100", content=npy(reference.images[:21]), headers=NPY)
    assert (refused.status_code, error(refused)["type"]) == (413, "payload_too_large")


def test_the_page_about_a_version(client: httpx.Client, reference: Reference) -> None:
    written = (reference.models_dir / MODEL / "1" / "assets.extra" / "report.html").read_bytes()
    answer = client.get(f"{PATH}/report", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert answer.content == written
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "sandbox" in answer.headers["content-security-policy"]
    again = client.get(f"{PATH}/report?format=html", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    for accept in ("*/*", "application/json"):
        other = client.get(f"{PATH}/report", headers={"Accept": accept})
        assert other.json()["model"] == MODEL
        assert "sandbox" not in other.headers["content-security-policy"]
        assert "Accept" in other.headers["vary"]


def test_versions_without_them_or_that_lost_them(
    reference: Reference, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The model answers all the same."""
    models_dir = tmp_path_factory.mktemp("models")
    for version in (1, 2):
        shutil.copytree(reference.models_dir / MODEL / str(version), models_dir / MODEL / str(version))
    without = models_dir / MODEL / "1" / "assets.extra"
    card = json.loads((without / "card.json").read_bytes())
    for name in ("neighbours.npz", "report.html"):
        (without / name).unlink()
        del card["files"][f"assets.extra/{name}"]
    (without / "card.json").write_text(json.dumps(card))
    body = encoded(reference.images[0])
    # It looks for changes rarely, so that what is changed below it stays loaded.
    with started(models_dir, models_poll_seconds="1000") as service:
        service.wait_until_ready()
        refused = service.client.post(f"{PATH}/nearest", content=body)
        assert (refused.status_code, error(refused)["type"]) == (422, "not_applicable")
        page = service.client.get(f"{PATH}/report?format=html")
        assert (page.status_code, error(page)["type"]) == (404, "not_found")
        lost = models_dir / MODEL / "2" / "assets.extra"
        (lost / "neighbours.npz").write_bytes(b"torn")
        (lost / "report.html").unlink()
        other = PATH.replace("/1", "/2")
        refused = service.client.post(f"{other}/nearest", content=body)
        assert (refused.status_code, error(refused)["type"]) == (422, "not_applicable")
        assert service.client.get(f"{other}/report?format=html").status_code == 422
        for number in (1, 2):
            answer = service.client.post(f"/predict?version={number}", content=body)
            assert answer.json()["predictions"][0]["digit"] == reference.labels[0]
        assert not service.events("internal_error")
