"""Looking inside a model over real HTTP: the numbers are those of the SavedModel called by itself."""

from __future__ import annotations

import io
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.e2e.service_process import MODEL
from tests.reference import EXPLANATIONS, Reference, read_signature

pytestmark = pytest.mark.slow

VERSION = 1  # the one whose signatures were called
PATH = f"/models/{MODEL}/versions/{VERSION}"
MAPS = [name for name in EXPLANATIONS if name != "grad_cam"]


def npy(picture: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    np.save(file, picture)
    return file.getvalue()


def posted(client: httpx.Client, path: str, picture: NDArray[np.uint8], **query: Any) -> httpx.Response:
    return client.post(PATH + path, params=query, content=npy(picture), headers={"Content-Type": "application/x-npy"})


def signature(reference: Reference, name: str) -> dict[str, NDArray[np.float32]]:
    return read_signature(reference.models_dir.parent, name)


def error(response: httpx.Response) -> tuple[int, str, str | None]:
    found = response.json()["error"]
    return response.status_code, found["type"], found.get("field")


def opened(response: httpx.Response) -> NDArray[np.uint8]:
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "image/png"
    return np.asarray(Image.open(io.BytesIO(response.content)).convert("RGB"))


def test_the_table_of_layers_is_the_cards(client: httpx.Client) -> None:
    card = client.get(PATH).json()["card"]
    for path in (PATH, f"/models/{MODEL}"):
        found = client.get(f"{path}/layers").json()
        assert found["layers"] == card["architecture"]["layers"]
        assert found["model"] == MODEL
        assert [layer["name"] for layer in found["layers"]] == ["conv1", "flatten1", "logits"]


def test_kernels(client: httpx.Client, reference: Reference) -> None:
    weights = signature(reference, "filters")
    for layer in ("conv1", "logits"):
        document = client.get(f"{PATH}/layers/{layer}/filters").json()
        assert np.allclose(document["kernel"], weights[f"{layer}/kernel"], rtol=1e-4)
        assert np.allclose(document["bias"], weights[f"{layer}/bias"], rtol=1e-4)
        assert document["shape"] == list(weights[f"{layer}/kernel"].shape)
        array = np.load(io.BytesIO(client.get(f"{PATH}/layers/{layer}/filters?format=npy").content))
        assert (array == weights[f"{layer}/kernel"]).all()
    grid = opened(client.get(f"{PATH}/layers/conv1/filters", headers={"Accept": "image/png"}))
    assert (grid.min(), grid.max()) == (0, 255)
    assert error(client.get(f"{PATH}/layers/flatten1/filters")) == (422, "not_applicable", "layer")
    assert error(client.get(f"{PATH}/layers/conv9/filters")) == (404, "unknown_layer", "layer")
    assert error(client.get(f"{PATH}/layers/logits/filters?format=png")) == (422, "not_applicable", "format")


def test_activations(client: httpx.Client, reference: Reference) -> None:
    values = signature(reference, "activations")["conv1"][0]
    document = posted(client, "/activations", reference.images[0], layer="conv1", channels="6,0-1").json()
    assert [channel["channel"] for channel in document["channels"]] == [6, 0, 1]
    for channel in document["channels"]:
        expected = values[..., channel["channel"]]
        assert np.allclose(channel["values"], expected, rtol=1e-3, atol=1e-5)
        assert channel["mean"] == pytest.approx(expected.mean(), rel=1e-3)
        assert channel["zeros"] == pytest.approx((expected == 0).mean(), rel=1e-3)
    array = posted(client, "/activations", reference.images[0], layer="conv1", format="npy")
    assert np.allclose(np.load(io.BytesIO(array.content)), values, atol=1e-5)
    assert opened(posted(client, "/activations", reference.images[0], layer="conv1", format="png")).shape[1] > 300
    every = posted(client, "/activations", reference.images[0]).json()["layers"]
    assert [layer["layer"] for layer in every] == ["conv1", "flatten1", "logits"]
    assert "values" not in every[0]["channels"][0]


def test_activations_beside_those_before_training(client: httpx.Client, reference: Reference) -> None:
    picture, query = reference.images[0], {"layer": "conv1", "channels": "1,4", "untrained": "true"}
    document = posted(client, "/activations", picture, **query).json()
    assert [channel["channel"] for channel in document["untrained"]] == [1, 4]
    array = np.load(io.BytesIO(posted(client, "/activations", picture, **query, format="npy").content))
    assert array.shape == (2, 12, 12, 2)
    assert np.allclose(array[0], signature(reference, "activations")["conv1"][0][..., [1, 4]], atol=1e-5)
    assert np.allclose(array[1][..., 0], document["untrained"][0]["values"], rtol=1e-3, atol=1e-5)
    assert np.abs(array[0] - array[1]).max() > 0.1
    every = posted(client, "/activations", picture, untrained="true").json()["layers"]
    assert every[0]["channels"][1]["mean"] == pytest.approx(array[1][..., 0].mean(), rel=1e-3)


@pytest.mark.parametrize("method", MAPS)
def test_explanations(method: str, client: httpx.Client, reference: Reference) -> None:
    expected = signature(reference, method)
    for at in range(2):
        label = int(reference.labels[at])
        query: dict[str, Any] = {"method": method, "class": label}
        document = posted(client, "/explain", reference.images[at], **query).json()
        assert np.allclose(document["map"], expected[method][at], rtol=1e-3, atol=1e-4)
        assert document["class"] == {"digit": label}
        assert document["probability"] == pytest.approx(reference.probabilities[MODEL, VERSION][at, label], rel=1e-4)
        array = posted(client, "/explain", reference.images[at], **query, format="npy").content
        assert np.allclose(np.load(io.BytesIO(array)), expected[method][at], atol=1e-4)
        assert opened(posted(client, "/explain", reference.images[at], **query, format="png")).shape[0] == 336
        if method == "integrated_gradients":
            assert document["sum"] == pytest.approx(document["difference"], rel=0.05)


def test_grad_cam_is_of_a_layer(client: httpx.Client, reference: Reference) -> None:
    expected = signature(reference, "grad_cam")["conv1"][0]
    label = int(reference.labels[0])
    document = posted(client, "/explain", reference.images[0], method="grad_cam", **{"class": label}).json()
    assert document["layer"] == "conv1"
    assert np.allclose(document["map"], expected, rtol=1e-3, atol=1e-4)
    refused = posted(client, "/explain", reference.images[0], method="grad_cam", layer="logits")
    assert error(refused) == (400, "invalid_parameter", "layer")


def test_without_a_class_it_explains_what_was_predicted(client: httpx.Client, reference: Reference) -> None:
    document = posted(client, "/explain", reference.images[3]).json()
    assert document["class"] == document["predicted"] == {"digit": int(reference.labels[3])}
    assert document["method"] == "saliency"
    assert document["image"] == reference.images[3].tolist()


def test_a_picture_that_excites_a_class(client: httpx.Client) -> None:
    first, again, other = (
        client.get(f"{PATH}/maximize", params={"class": 7, "steps": 30, "seed": seed}).json() for seed in (1, 1, 2)
    )
    assert first["after"] > first["before"]
    assert first["image"] == again["image"]
    assert first["image"] != other["image"]
    assert (first["layer"], first["channel"]) == ("logits", 7)
    picture = np.array(first["image"], np.uint8)
    answer = client.post("/predict", params={"model": MODEL, "version": VERSION}, content=npy(picture)).json()
    assert answer["predictions"][0]["digit"] == 7


def test_a_dream_begins_with_the_picture(client: httpx.Client, reference: Reference) -> None:
    document = posted(client, "/dream", reference.images[0], layer="conv1", channel=3, steps=3, octaves=1).json()
    assert document["after"] > document["before"]
    change = np.abs(np.array(document["image"], int) - reference.images[0].astype(int))
    assert 0 < change.mean() < 30
    assert opened(posted(client, "/dream", reference.images[0], **{"class": 1}, format="png")).shape == (336, 336, 3)


@pytest.mark.parametrize(
    ("path", "query", "expected"),
    [
        ("/activations", {"layer": "conv2"}, (404, "unknown_layer", "layer")),
        ("/activations", {"layer": "conv1", "channels": "8"}, (400, "invalid_parameter", "channels")),
        ("/activations", {"layer": "conv1", "channels": "a"}, (400, "invalid_parameter", "channels")),
        ("/activations", {"layer": "conv1", "format": "gif"}, (400, "invalid_parameter", "format")),
        ("/explain", {"method": "guess"}, (400, "invalid_parameter", "method")),
        ("/explain", {"class": "10"}, (400, "invalid_parameter", "class")),
        ("/dream", {}, (400, "invalid_parameter", "class")),
        ("/dream", {"class": 1, "layer": "conv1"}, (400, "invalid_parameter", "class")),
        ("/dream", {"layer": "conv1", "channel": 8}, (400, "invalid_parameter", "channel")),
        ("/dream", {"class": 1, "steps": 601}, (400, "invalid_parameter", "steps")),
    ],
)
def test_what_cannot_be(
    path: str, query: dict[str, Any], expected: tuple[int, str, str], client: httpx.Client, reference: Reference
) -> None:
    assert error(posted(client, path, reference.images[0], **query)) == expected


def test_one_picture_at_a_time(client: httpx.Client, reference: Reference) -> None:
    assert error(posted(client, "/explain", reference.images[:2])) == (422, "wrong_shape", "body")
    assert posted(client, "/explain", reference.images[:1]).status_code == 200


def test_convolution_by_hand(client: httpx.Client) -> None:
    asked = {"image": [[1, 2, 3]] * 3, "kernel": [[2, 1], [2, 1]], "padding": 1}
    found = client.post("/convolve", json=asked).json()
    assert found["output"] == [[1, 4, 7, 6], [2, 8, 14, 12], [2, 8, 14, 12], [1, 4, 7, 6]]
    assert error(client.post("/convolve", json={**asked, "kernel": "blurr"})) == (400, "invalid_parameter", "kernel")
    assert error(client.post("/convolve", json={**asked, "stride": 2})) == (400, "invalid_parameter", "stride")
    assert error(client.post("/convolve", json={**asked, "image": [[1], [1, 2]]})) == (422, "wrong_shape", "image")


def test_a_named_kernel_over_a_posted_picture(client: httpx.Client, reference: Reference) -> None:
    file = io.BytesIO()
    Image.fromarray(reference.images[0, ..., 0]).save(file, "PNG")
    query: dict[str, Any] = {"kernel": "vertical_edges", "stride": 1, "padding": 1}
    found = client.post(
        "/convolve", params=query, content=file.getvalue(), headers={"Content-Type": "image/png"}
    ).json()
    picture = np.pad(reference.images[0, ..., 0].astype(float), 1)
    expected = sum(picture[row : row + 28, :-2] - picture[row : row + 28, 2:] for row in range(3))
    assert found["shape"] == [28, 28]
    assert np.allclose(found["output"], expected)
    sheet = client.post(
        "/convolve", params={**query, "format": "png"}, content=file.getvalue(), headers={"Content-Type": "image/png"}
    )
    assert opened(sheet).shape[1] > 560


def test_pooling(client: httpx.Client) -> None:
    picture = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    assert client.post("/pool", json={"image": picture, "stride": 1}).json()["output"] == [[5, 6], [8, 9]]
    asked = {"image": picture, "size": 3, "kind": "average"}
    assert client.post("/pool", json=asked).json()["output"] == [[5]]
    assert error(client.post("/pool", json={**asked, "kind": "min"})) == (400, "invalid_parameter", "kind")
    assert error(client.post("/pool", json={**asked, "padding": 3})) == (400, "invalid_parameter", "padding")


def test_an_architecture_that_nobody_has_trained(client: httpx.Client) -> None:
    convolution, pool = {"type": "conv", "kernel": 3, "padding": 1}, {"type": "max_pool", "size": 2, "stride": 1}
    asked = {
        "input": [28, 28, 3],
        "layers": [
            {**convolution, "filters": 32},
            pool,
            {**convolution, "filters": 64},
            pool,
            {"type": "flatten"},
            {"type": "dense", "units": 1024},
            {"type": "dense", "units": 10},
        ],
    }
    found = client.post("/describe", json=asked).json()
    assert found["totals"]["parameters"] == 44_333_002
    assert [layer["output_volume"] for layer in found["layers"][:4]] == [25_088, 23_328, 46_656, 43_264]
    assert client.post("/describe", json={"preset": "lenet5"}).json()["totals"]["parameters"] == 61_706
    misfit = [{"type": "conv", "filters": 4, "kernel": 5, "stride": 2, "padding": "valid"}]
    refused = client.post("/describe", json=misfit)
    assert error(refused) == (400, "invalid_parameter", "body")
    assert "conv1" in refused.json()["error"]["message"]
    of_lenet: list[dict[str, Any]] = [{"classes": "x"}, {"input": 3}, {"input": [1, "a", 2]}, {"keys": 1}, {"depth": 3}]
    refused_too: list[Any] = [{"preset": "lenet6"}, {"preset": 3}, {"layers": []}, 7]
    for wrong in refused_too + [{"preset": "lenet5", **fields} for fields in of_lenet]:
        assert error(client.post("/describe", json=wrong))[:2] == (400, "invalid_parameter")


def test_a_report_and_a_comparison(client: httpx.Client) -> None:
    card = client.get(PATH).json()["card"]
    found = client.get(f"{PATH}/report").json()
    assert found["metrics"] == card["metrics"]
    assert found["calibration"] == card["calibration"]
    one, other = client.get("/compare", params={"models": f"{MODEL}/1,{MODEL}/2"}).json()["versions"]
    assert (one["version"], other["version"]) == (1, 2)
    assert one["test_accuracy"] == card["metrics"]["test"]["accuracy"]
    assert {version["model"] for version in client.get("/compare").json()["versions"]} == {"toy", "other"}
    assert error(client.get("/compare", params={"models": "nobody"})) == (404, "unknown_model", "model")
