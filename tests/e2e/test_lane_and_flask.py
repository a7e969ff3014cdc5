"""The lane is an optimisation: what it answers is, byte for byte, what Flask's route answers."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from tests.e2e.requests import LOSSLESS, RAW, encoded, npy
from tests.e2e.service_process import Service
from tests.reference import Reference

pytestmark = pytest.mark.slow

TO_FLASK = {"Content-Encoding": "identity"}
"""A header that means nothing, and with which the lane does not deal."""
OWN_TO_EACH = {"date", "x-request-id"}


def ask_both(client: httpx.Client, query: str, body: bytes, headers: dict[str, str]) -> tuple[httpx.Response, ...]:
    headers = {**headers, "X-Request-ID": "the-same"}
    return tuple(client.post(f"/predict{query}", content=body, headers={**headers, **more}) for more in ({}, TO_FLASK))


def timeless(response: httpx.Response) -> bytes:
    """The body but for its timings."""
    body, found = re.subn(
        rb'"timings_ms":\{"read":[\d.e-]+,"decode":[\d.e-]+,"queue":[\d.e-]+,"inference":[\d.e-]+\}',
        b"",
        response.content,
    )
    assert found == (response.status_code == 200)
    return body


def assert_equal(lane: httpx.Response, flask: httpx.Response) -> None:
    assert lane.status_code == flask.status_code
    assert timeless(lane) == timeless(flask)

    def headers(response: httpx.Response) -> dict[str, Any]:
        kept = {name: value for name, value in response.headers.items() if name != "date"}
        if response.status_code == 200:
            del kept["content-length"]  # timings are longer or shorter
        return kept

    assert headers(lane) == headers(flask)


@pytest.mark.parametrize("query", ["", "?model=other", "?version=1&top_k=2", "?top_k=10&nonsense=1", "?model="])
@pytest.mark.parametrize("file_format", LOSSLESS)
def test_pictures(file_format: str, query: str, client: httpx.Client, reference: Reference) -> None:
    body = encoded(reference.images[23], file_format, **LOSSLESS[file_format])
    lane, flask = ask_both(client, query, body, {"Content-Type": f"image/{file_format.lower()}"})
    assert lane.status_code == 200
    assert_equal(lane, flask)


@pytest.mark.parametrize("count", [1, 2, 300])
def test_bulk(count: int, client: httpx.Client, reference: Reference) -> None:
    images = reference.images[:count]
    assert_equal(*ask_both(client, "", images.tobytes(), RAW))
    assert_equal(*ask_both(client, "", npy(images), {"Content-Type": "application/x-npy"}))


@pytest.mark.parametrize(
    ("query", "body", "headers"),
    [
        ("", b"", {}),
        ("", b"hello", {"Content-Type": "text/plain"}),
        ("", b"hello", {"Content-Type": "image/png"}),
        ("", b"\x89PNG\r\n\x1a\n", {}),
        ("", bytes(785), RAW),
        ("", b"\x93NUMPY", RAW),
        ("", bytes(784 * 16_385), RAW),
        ("?version=0", b"x", {}),
        ("?version=7", bytes(784), RAW),
        ("?model=nobody", bytes(784), RAW),
        ("?model=%C3%A9t%C3%A9", bytes(784), RAW),
        ("?model=%FF", bytes(784), RAW),
        ("?model=a&model=b", bytes(784), RAW),
        ("?top_k=-1", bytes(784), RAW),
        ("?top_k=", bytes(784), RAW),
        ("?top_k=99999999999999999999", bytes(784), RAW),
        ("?top_k=%F0%9D%9F%99", bytes(784), RAW),
    ],
)
def test_refusals(query: str, body: bytes, headers: dict[str, str], client: httpx.Client) -> None:
    lane, flask = ask_both(client, query, body, headers)
    assert lane.status_code >= 400
    assert_equal(lane, flask)


def test_a_hundred_requests_on_one_connection_that_go_to_the_lane_and_to_flask_in_turn(
    service: Service, reference: Reference
) -> None:
    """Some servers stall or break a kept-alive connection once a bridged answer has passed over it."""
    opened: list[str] = []

    def trace(name: str, _: Any) -> None:
        opened.append(name)

    with service.fresh(limits=httpx.Limits(max_connections=1)) as one:
        for at in range(100):
            body = encoded(reference.images[at])
            headers = TO_FLASK if at % 2 else {}
            response = one.post("/predict", content=body, headers=headers, extensions={"trace": trace})
            assert response.json()["predictions"][0]["digit"] == reference.probabilities["toy", 2][at].argmax()
            if at % 10 == 9:
                assert one.get("/healthz").status_code == 200
                assert one.get("/nowhere").status_code == 404
    assert opened.count("connection.connect_tcp.complete") == 1
