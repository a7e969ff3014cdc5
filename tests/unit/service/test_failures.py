"""Every way in which a native route says no."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import orjson
import pytest
from structlog.testing import capture_logs

from service.description import error_types
from tests.unit.service import bodies
from tests.unit.service.site import Answer, Site

GOOD = bodies.png(bodies.digit())

GOOD = bodies.png(bodies.digit())


def refused(reason: str) -> Callable[[Site], Answer]:
    """A request that the engine refuses."""

    def ask(site: Site) -> Answer:
        site.engine.refusal = (reason, "the engine says no")
        try:
            return site.over_flask(body=GOOD)
        finally:
            site.engine.refusal = None

    return ask


FAILURES: dict[str, list[Callable[[Site], Answer]]] = {
    "malformed_request": [
        lambda site: site.over_flask(body=b""),
        lambda site: site.over_flask(body=b"{", content_type=bodies.JSON),
        lambda site: site.over_flask(body=b"x", content_type=bodies.MULTIPART),
    ],
    "invalid_parameter": [
        lambda site: site.over_flask("/predict?top_k=many", GOOD),
        lambda site: site.over_flask("/predict?version=-1", GOOD),
    ],
    "undecodable_picture": [lambda site: site.over_flask(body=GOOD[:50])],
    "payload_too_large": [
        lambda site: site.over_flask(body=bytes(400 * 784 + 1), content_type=bodies.RAW),
        lambda site: site.over_flask("/predict?model=arrays", bytes(401 * 60), content_type=bodies.RAW),
        lambda site: site.over_flask(body=bodies.png(np.zeros((1001, 1000), np.uint8))),
        lambda site: site.over_flask(body=bodies.multipart(*[b"x"] * 401), content_type=bodies.MULTIPART),
        lambda site: site.over_flask(body=bodies.json(*[0] * 401), content_type=bodies.JSON),
    ],
    "unsupported_media_type": [lambda site: site.over_flask(body=b"hello", content_type="text/plain")],
    "wrong_shape": [lambda site: site.over_flask(body=bytes(783), content_type=bodies.RAW)],
    "blank_picture": [lambda site: site.over_flask(body=bodies.png(np.full((28, 28), 255, np.uint8)))],
    "not_found": [
        lambda site: site.over_flask("/nowhere", method="GET"),
        lambda site: site.over_flask("/predict/", GOOD),
        lambda site: site.over_flask("/models/cnn/versions", method="GET"),
        lambda site: site.over_flask("/nowhere/%FF%00", method="PUT"),
    ],
    "unknown_model": [
        lambda site: site.over_flask("/predict?model=fnn", GOOD),
        lambda site: site.over_flask("/models/fnn", method="GET"),
        lambda site: site.over_flask("/models/fnn/versions/1", method="GET"),
    ],
    "unknown_version": [
        lambda site: site.over_flask("/predict?version=77", GOOD),
        lambda site: site.over_flask("/predict?model=broken", GOOD),
        lambda site: site.over_flask("/models/cnn/versions/77", method="GET"),
        lambda site: site.over_flask("/models/cnn/versions/one", method="GET"),
    ],
    "unknown_layer": [
        lambda site: site.over_flask("/models/cnn/activations?layer=conv1", GOOD),
        lambda site: site.over_flask("/models/cnn/layers/conv1/filters", method="GET"),
    ],
    "not_applicable": [
        lambda site: site.over_flask("/models/cnn/explain?method=occlusion", GOOD),
        lambda site: site.over_flask("/models/cnn/maximize?class=1", method="GET"),
    ],
    "unknown_label": [lambda site: site.over_flask("/predict?label=blue", GOOD)],
    "method_not_allowed": [
        lambda site: site.over_flask("/predict", method="GET"),
        lambda site: site.over_flask("/models", b"", method="POST"),
        lambda site: site.over_flask("/healthz", method="BREW"),
    ],
    "queue_full": [refused("queue_full")],
    "internal_error": [
        refused("internal_error"),
        lambda site: site.over_flask("/predict?model=short", GOOD),
    ],
    "not_ready": [lambda site: site.over_flask("/predict?model=coming", GOOD)],
    "deadline_exceeded": [refused("deadline_exceeded")],
}


def test_every_type_of_error_is_provoked_here() -> None:
    # The first three need keys, see test_access.py; the others are the standard protocols'.
    elsewhere = {"unauthorized", "forbidden", "rate_limited", "unknown_signature", "load_failed"}
    assert set(FAILURES) == set(error_types()) - elsewhere


def check_shape(answer: Answer, type_: str) -> dict[str, str]:
    """The one shape of an error."""
    assert answer.status == error_types()[type_], answer.body
    assert answer.headers["content-type"] == "application/json"
    document = orjson.loads(answer.body)
    assert set(document) == {"error"}
    error: dict[str, str] = document["error"]
    assert {"type", "message", "request_id"} <= set(error) <= {"type", "message", "request_id", "field"}
    assert error["type"] == type_
    assert error["request_id"] == answer.headers["x-request-id"]
    assert len(error["message"]) > 5
    assert ("retry-after" in answer.headers) == (answer.status in (429, 503))
    assert ("field" in error) == (answer.status in (400, 404, 413, 415, 422) and type_ != "not_found")
    assert answer.body.endswith(b"}\n")
    return error


@pytest.mark.parametrize(
    ("type_", "number"), [(type_, i) for type_, ways in FAILURES.items() for i in range(len(ways))]
)
def test_every_failure_has_the_one_shape(site: Site, type_: str, number: int) -> None:
    with capture_logs():
        check_shape(FAILURES[type_][number](site), type_)


def test_a_wrong_method_names_the_right_ones(site: Site) -> None:
    answer = site.over_flask("/predict", method="GET")
    assert answer.headers["allow"] == "OPTIONS, POST"
    assert "allowed: OPTIONS, POST" in orjson.loads(answer.body)["error"]["message"]


def test_nothing_internal_is_echoed_and_the_log_has_the_details(site: Site) -> None:
    with capture_logs() as logged:
        answer = site.over_flask("/predict?model=short", GOOD, x_request_id="id-7")
    assert orjson.loads(answer.body)["error"]["message"] == "the service failed; the log has the details"
    [line] = [line for line in logged if line["event"] == "internal_error"]
    assert line["id"] == "id-7"
    assert isinstance(line["exc_info"], IndexError)


@pytest.mark.parametrize(
    ("path", "field"),
    [("?top_k=0", "top_k"), ("?version=x", "version"), ("?model=no", "model"), ("?version=9", "version")],
)
def test_a_failure_names_the_part_at_fault(site: Site, path: str, field: str) -> None:
    assert orjson.loads(site.over_flask(f"/predict{path}", GOOD).body)["error"]["field"] == field


def test_while_there_is_no_engine(own_site: Site) -> None:
    own_site.engine.die()
    own_site.wait_until(lambda: not own_site.client.ready)
    for answer in (own_site.over_flask(body=GOOD), own_site.over_flask("/readyz", method="GET")):
        check_shape(answer, "not_ready")
    assert own_site.over_flask("/healthz", method="GET").status == 200
    listed = orjson.loads(own_site.over_flask("/models", method="GET").body)
    assert listed["engine"]["ready"] is False
    assert listed["models"]
