"""What is wrong with a request is said in one shape, whoever finds it: the lane, Flask, or the server beneath them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.e2e.requests import RAW, as_base64, as_files, encoded, error, rows
from tests.e2e.service_process import Service
from tests.reference import Reference

pytestmark = pytest.mark.slow

PNG_HEAD = b"\x89PNG\r\n\x1a\n"
CASES: dict[str, tuple[int, str, str | None, dict[str, Any]]] = {
    "nothing there": (404, "not_found", None, {"method": "GET", "url": "/nowhere"}),
    "nothing there to post to": (404, "not_found", None, {"url": "/predict/"}),
    "an unknown model": (404, "unknown_model", "model", {"url": "/predict?model=nobody", "content": PNG_HEAD}),
    "an unknown model's page": (404, "unknown_model", "model", {"method": "GET", "url": "/models/nobody"}),
    "an unknown version": (404, "unknown_version", "version", {"url": "/predict?version=9", "content": PNG_HEAD}),
    "a version of no number": (400, "invalid_parameter", "version", {"url": "/predict?version=one", "content": b"x"}),
    "a top_k of zero": (400, "invalid_parameter", "top_k", {"url": "/predict?top_k=0", "content": b"x"}),
    "an empty body": (400, "malformed_request", "body", {"content": b""}),
    "half a picture": (400, "undecodable_picture", "body", {"content": PNG_HEAD}),
    "not JSON": (400, "malformed_request", "body", {"content": b"{", "headers": {"Content-Type": "application/json"}}),
    "JSON without images": (400, "malformed_request", "images", {"json": {"pictures": []}}),
    "JSON with a picture of no picture": (400, "undecodable_picture", "images[0]", {"json": {"images": ["AAAA"]}}),
    "a form without files": (400, "malformed_request", "body", {"files": {"a": (None, "b")}}),
    "text": (415, "unsupported_media_type", "body", {"content": b"hello", "headers": {"Content-Type": "text/plain"}}),
    "raw bytes of no whole picture": (422, "wrong_shape", "body", {"content": bytes(785), "headers": RAW}),
    "arrays of another shape": (422, "wrong_shape", "images[0]", {"json": {"images": [[[1, 2], [3, 4]]]}}),
    "too many pictures": (413, "payload_too_large", "body", {"content": bytes(784 * 16_385), "headers": RAW}),
    "too many bytes": (413, "payload_too_large", "body", {"content": bytes(32 * 2**20 + 1), "headers": RAW}),
    "too many bytes of JSON": (
        413, "payload_too_large", "body",
        {"content": bytes(32 * 2**20 + 1), "headers": {"Content-Type": "application/json"}},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_an_error_has_its_status_its_type_and_names_the_part_at_fault(case: str, client: httpx.Client) -> None:
    status, kind, field, request = CASES[case]
    response = client.request(**{"method": "POST", "url": "/predict", **request})
    assert response.status_code == status, response.text
    found = error(response)
    assert (found["type"], found.get("field")) == (kind, field)


@pytest.mark.parametrize(
    ("method", "url", "allowed"),
    [
        ("GET", "/predict", "POST"),
        ("DELETE", "/models", "GET"),
        ("PUT", "/predict", "POST"),
        ("POST", "/healthz", "GET"),
    ],
)
def test_a_wrong_method_is_told_the_right_one(method: str, url: str, allowed: str, client: httpx.Client) -> None:
    response = client.request(method, url)
    assert response.status_code == 405
    assert allowed in response.headers["allow"]
    assert error(response)["type"] == "method_not_allowed"


@pytest.mark.parametrize("form", ["files", "json"])
def test_a_corrupt_picture_among_ten_fails_alone(form: str, client: httpx.Client, reference: Reference) -> None:
    files = as_files(reference.images[:10])
    files[3] = ("file", ("3.png", files[3][1][1][:-20], "image/png"))
    document = as_base64(reference.images[:10])
    document["images"][3] = document["images"][3][:-28]
    response = client.post("/predict", files=files) if form == "files" else client.post("/predict", json=document)
    assert response.status_code == 200
    predictions = response.json()["predictions"]
    assert predictions[3]["error"]["type"] == "undecodable_picture"
    assert predictions[3]["error"]["field"] == ("files[3]" if form == "files" else "images[3]")
    del predictions[3]
    assert [prediction["digit"] for prediction in predictions] == [0, 1, 2, 4, 5, 6, 7, 8, 9]


def test_a_refused_body_leaves_the_connection_fit_for_the_next_request(service: Service, reference: Reference) -> None:
    limits = httpx.Limits(max_connections=1)
    with service.fresh(limits=limits) as one:
        for headers in (RAW, {"Content-Type": "application/json"}):
            assert one.post("/predict", content=bytes(32 * 2**20 + 1), headers=headers).status_code == 413
            assert rows(one.post("/predict", content=encoded(reference.images[1]))).argmax() == 1


@pytest.mark.parametrize("form", ["lane", "flask", "error"])
def test_a_request_id_is_echoed_or_made(form: str, client: httpx.Client, reference: Reference) -> None:
    requests: dict[str, dict[str, Any]] = {
        "lane": {"content": encoded(reference.images[0])},
        "flask": {"content": encoded(reference.images[0]), "headers": {"Content-Encoding": "identity"}},
        "error": {"content": b""},
    }
    request = requests[form]
    more = request.pop("headers", {})
    given = client.post("/predict", headers={"X-Request-ID": "from-the-caller.1", **more}, **request)
    assert given.headers["x-request-id"] == "from-the-caller.1"
    for unfit in ("", "two words", "x" * 129):
        made = client.post("/predict", headers={"X-Request-ID": unfit, **more}, **request).headers["x-request-id"]
        assert len(made) == 16
