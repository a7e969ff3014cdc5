"""Every form in which pictures are sent, over real HTTP, to the real engine; the answers beside TensorFlow's own."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence

import httpx
import numpy as np
import numpy.typing as npt
import pytest

from tests.e2e.requests import LOSSLESS, RAW, as_base64, as_files, encoded, npy, rows
from tests.e2e.service_process import KEY, MODEL, VERSION
from tests.reference import Reference

SOME = np.array([17, 3, 250, 4, 4, 99, 0, 131, 42, 76])
"""Pictures in no order, one of them twice."""


def assert_answers(
    response: httpx.Response,
    reference: Reference,
    which: Sequence[int] | npt.NDArray[np.intp],
    key: tuple[str, int] = KEY,
) -> None:
    """`response` is the one to the pictures at the positions `which`, in that order."""
    np.testing.assert_allclose(rows(response), reference.probabilities[key][np.asarray(which)], atol=1e-5)
    assert (response.json()["model"], response.json()["version"]) == key


@pytest.mark.parametrize("file_format", LOSSLESS)
def test_a_picture_as_the_body(file_format: str, client: httpx.Client, reference: Reference) -> None:
    for at in SOME:
        body = encoded(reference.images[at], file_format, **LOSSLESS[file_format])
        response = client.post("/predict", content=body, headers={"Content-Type": f"image/{file_format.lower()}"})
        assert_answers(response, reference, [at])


def test_a_jpeg_whose_pixels_are_not_quite_the_same_is_the_same_digit(
    client: httpx.Client, reference: Reference
) -> None:
    for at in range(10):
        body = encoded(reference.images[at], "JPEG", quality=95)
        response = client.post("/predict", content=body, headers={"Content-Type": "image/jpeg"})
        assert rows(response).argmax() == reference.labels[at]


@pytest.mark.parametrize("content_type", [None, "application/octet-stream", "application/x-www-form-urlencoded"])
def test_a_picture_is_known_by_its_first_bytes_when_the_type_says_nothing(
    content_type: str | None, client: httpx.Client, reference: Reference
) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    assert_answers(client.post("/predict", content=encoded(reference.images[5]), headers=headers), reference, [5])


@pytest.mark.parametrize("count", [1, len(SOME)])
def test_a_form_with_files_in_order(count: int, client: httpx.Client, reference: Reference) -> None:
    which = SOME[:count]
    assert_answers(client.post("/predict", files=as_files(reference.images[which])), reference, which)


def test_json_with_base64_in_order(client: httpx.Client, reference: Reference) -> None:
    assert_answers(client.post("/predict", json=as_base64(reference.images[SOME])), reference, SOME)


def test_json_with_data_uris(client: httpx.Client, reference: Reference) -> None:
    uri = "data:image/png;base64," + base64.b64encode(encoded(reference.images[8])).decode()
    assert_answers(client.post("/predict", json={"images": [uri]}), reference, [8])


@pytest.mark.parametrize("shape", [(28, 28), (28, 28, 1), (784,)])
def test_json_with_arrays_in_order(shape: tuple[int, ...], client: httpx.Client, reference: Reference) -> None:
    images = reference.images[SOME].reshape(-1, *shape).tolist()
    assert_answers(client.post("/predict", json={"images": images}), reference, SOME)


def test_json_with_both_kinds_in_order(client: httpx.Client, reference: Reference) -> None:
    images = as_base64(reference.images[:4])["images"]
    mixed = [images[0], reference.images[1].tolist(), images[2], reference.images[3].ravel().tolist()]
    assert_answers(client.post("/predict", json={"images": mixed}), reference, [0, 1, 2, 3])


@pytest.mark.parametrize("count", [1, 2, 64, 65, 300])
def test_raw_pixels_in_bulk_in_order(count: int, client: httpx.Client, reference: Reference) -> None:
    which = np.arange(count)[::-1]
    body = reference.images[which].tobytes()
    assert_answers(client.post("/predict", content=body, headers=RAW), reference, which)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.int64])
@pytest.mark.parametrize("shape", [(-1, 28, 28), (-1, 28, 28, 1), (-1, 784)])
def test_npy_in_order(shape: tuple[int, ...], dtype: type, client: httpx.Client, reference: Reference) -> None:
    body = npy(reference.images[SOME].reshape(shape).astype(dtype))
    response = client.post("/predict", content=body, headers={"Content-Type": "application/x-npy"})
    assert_answers(response, reference, SOME)


def test_npy_of_one_picture(client: httpx.Client, reference: Reference) -> None:
    assert_answers(client.post("/predict", content=npy(reference.images[9, :, :, 0])), reference, [9])


def test_as_many_pictures_as_one_request_may_hold(client: httpx.Client, reference: Reference) -> None:
    which = np.random.default_rng(0).integers(len(reference.images), size=16_384)
    response = client.post("/predict", content=reference.images[which].tobytes(), headers=RAW)
    assert_answers(response, reference, which)


@pytest.mark.parametrize("content_type", ["application/json", RAW["Content-Type"]])
@pytest.mark.parametrize("coding", [{}, {"Content-Encoding": "identity"}])
def test_a_body_that_comes_in_chunks_of_unstated_number(
    content_type: str, coding: dict[str, str], client: httpx.Client, reference: Reference
) -> None:
    whole = client.build_request("POST", "/predict", json=as_base64(reference.images[:3]))
    body = whole.content if content_type == "application/json" else reference.images[:3].tobytes()

    def chunks() -> Iterator[bytes]:
        for at in range(0, len(body), 1000):
            yield body[at : at + 1000]

    response = client.post("/predict", content=chunks(), headers={"Content-Type": content_type, **coding})
    assert response.request.headers["transfer-encoding"] == "chunked"
    assert_answers(response, reference, [0, 1, 2])


@pytest.mark.parametrize(
    ("query", "key"),
    [
        ("", KEY),
        (f"?model={MODEL}", KEY),
        ("?model=toy&version=1", ("toy", 1)),
        ("?version=1", ("toy", 1)),
        (f"?version={VERSION}", KEY),
        ("?model=other", ("other", 1)),
    ],
)
def test_the_version_that_was_asked_for_answers(
    query: str, key: tuple[str, int], client: httpx.Client, reference: Reference
) -> None:
    for response in (
        client.post(f"/predict{query}", content=encoded(reference.images[6])),
        client.post(f"/predict{query}", json=as_base64(reference.images[6:7])),
    ):
        assert_answers(response, reference, [6], key)


def test_top_k_names_the_likeliest_in_order(client: httpx.Client, reference: Reference) -> None:
    response = client.post("/predict?top_k=3", content=encoded(reference.images[2]))
    (probabilities,) = rows(response)
    top = response.json()["predictions"][0]["top"]
    assert [entry["digit"] for entry in top] == np.argsort(-probabilities, kind="stable")[:3].tolist()
    assert [entry["probability"] for entry in top] == sorted(probabilities)[:-4:-1]


def test_the_timings_tell_of_every_stage_that_can_be_told(client: httpx.Client, reference: Reference) -> None:
    response = client.post("/predict", content=encoded(reference.images[0]))
    timings = response.json()["timings_ms"]
    assert list(timings) == ["read", "decode", "queue", "inference"]
    assert all(milliseconds >= 0 for milliseconds in timings.values())
    assert timings["inference"] > 0


def test_what_is_served_is_told_with_its_card(client: httpx.Client, reference: Reference) -> None:
    document = client.get("/models").json()
    assert [(m["name"], m["default"]) for m in document["models"]] == [("other", False), ("toy", True)]
    assert document["engine"]["device"]["kind"] == "cpu"
    assert [v["version"] for v in client.get("/models/toy").json()["versions"]] == [2, 1]
    version = client.get("/models/toy/versions/1").json()
    card = reference.models_dir / "toy" / "1" / "assets.extra" / "card.json"
    assert version["state"] == "available"
    assert version["runtime"] == "litert"
    assert version["card"] == httpx.Response(200, content=card.read_bytes()).json()


def test_the_api_is_described_and_every_path_in_it_is_there(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    assert "/predict" in document["paths"]
    for path, operations in document["paths"].items():
        if path.startswith("/page/"):
            continue  # these addresses are stamped with their content; the page's own tests follow every one
        # Nobody has labels here, and nobody unloads what other tests ask: such requests get as far as their name.
        nowhere = "{label}" in path or path.endswith(("/load", "/unload"))
        parts = {"name": "nobody" if nowhere else "toy", "model": "toy", "version": "1", "label": "nobody"}
        parts["layer"] = "conv1"
        there = path.format_map(parts)
        for method in operations:
            answer = client.request(method.upper(), there)
            if nowhere:
                assert answer.status_code == 404, (method, path)
                assert "nobody" in answer.text
            else:
                # What has to be named cannot be guessed from the path.
                needs_more = method == "post" or path.endswith("/maximize")
                assert answer.status_code in ((200, 400) if needs_more else (200,)), (method, path)
