"""The inference lane: byte for byte what Flask answers.

The clock stands still, and the tiny engine says that inference took longer than any test runs, so that nothing is left
for the queue: two answers to the same request have no reason to differ.
"""

from __future__ import annotations

import gzip
import zlib

import cv2
import numpy as np
import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from service.buffers import flush_all
from tests.unit.service import bodies
from tests.unit.service.running import pictures
from tests.unit.service.site import Answer, Site

PNG = bodies.png(bodies.digit())
PHOTO = np.full((600, 400), 230, np.uint8)
cv2.line(PHOTO, (200, 100), (180, 500), 30, 24)
HEAVY = cv2.imencode(".jpg", PHOTO)[1].tobytes()
BLANK = bodies.png(np.full((28, 28), 255, np.uint8))
CURL = "application/x-www-form-urlencoded"
FAULTY = (b"no picture", PNG, BLANK)

# path, content type, body
REQUESTS: dict[str, tuple[str, str | None, bytes]] = {
    "a picture": ("/predict", "image/png", PNG),
    "a picture as curl sends it": ("/predict", CURL, PNG),
    "a picture of no type": ("/predict", None, PNG),
    "a heavy picture": ("/predict", "image/jpeg", HEAVY),
    "a heavy picture as curl sends it": ("/predict", CURL, HEAVY),
    "the best three": ("/predict?top_k=3", "image/png", PNG),
    "a model by name": ("/predict?model=letters&version=1&top_k=2", "image/png", PNG),
    "a parameter twice": ("/predict?top_k=2&top_k=5&model=letters&model=cnn", "image/png", PNG),
    "raw": ("/predict", bodies.RAW, pictures(3).tobytes()),
    "raw in bulk": ("/predict", bodies.RAW, pictures(300).tobytes()),
    "raw of another shape": ("/predict?model=arrays", bodies.RAW, bytes(600)),
    "npy": ("/predict", bodies.NPY, bodies.npy(pictures(3))),
    "npy of floats": ("/predict", bodies.NPY, bodies.npy(pictures(3).astype(np.float64))),
    "json": ("/predict", bodies.JSON, bodies.json(PNG, pictures(1)[0])),
    "JSON in capitals": ("/predict", "Application/JSON", bodies.json(PNG)),
    "json with faults": ("/predict", bodies.JSON, bodies.json(*FAULTY)),
    "files": ("/predict", bodies.MULTIPART, bodies.multipart(PNG, PNG)),
    "files with faults": ("/predict", bodies.MULTIPART, bodies.multipart(*FAULTY)),
    "nothing": ("/predict", "image/png", b""),
    "nothing of no type": ("/predict", None, b""),
    "half a picture": ("/predict", "image/png", PNG[:60]),
    "a blank picture": ("/predict", "image/png", BLANK),
    "a picture too large": ("/predict", "image/png", bodies.png(np.zeros((1001, 1000), np.uint8))),
    "no picture": ("/predict", "text/plain", b"hello"),
    "an unreadable picture": ("/predict", "image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
    "raw of a wrong length": ("/predict", bodies.RAW, bytes(785)),
    "broken npy": ("/predict", bodies.NPY, b"\x93NUMPY\x01\x00"),
    "npy of a wrong shape": ("/predict", bodies.NPY, bodies.npy(np.zeros((3, 3)))),
    "too many pictures": ("/predict?model=arrays", bodies.RAW, bytes(401 * 60)),
    "too many bytes": ("/predict", "image/png", bytes(400 * 784 + 1)),
    "too many bytes of json": ("/predict", bodies.JSON, bytes(400 * 784 + 1)),
    "too many bytes and a wrong parameter": ("/predict?top_k=0", "image/png", bytes(400 * 784 + 1)),
    "a wrong parameter": ("/predict?version=x", "image/png", PNG),
    "a wrong parameter and half a picture": ("/predict?top_k=0", "image/png", PNG[:60]),
    "no such model": ("/predict?model=%FF%C3%BC%20x", "image/png", PNG),
    "no such version": ("/predict?version=77", "image/png", PNG),
    "a broken model": ("/predict?model=broken", "image/png", PNG),
    "a model still loading": ("/predict?model=coming", "image/png", PNG),
    "a picture for a model of arrays": ("/predict?model=arrays", "image/png", PNG),
    "a fault of ours": ("/predict?model=short", "image/png", PNG),
    "a path that is not there": ("/predict/x", "image/png", PNG),
}


def headers(content_type: str | None) -> dict[str, str]:
    return {"x_request_id": "id-1", **({} if content_type is None else {"content_type": content_type})}


@pytest.mark.parametrize("case", REQUESTS)
def test_lane_and_flask_answer_byte_for_byte_the_same(site: Site, case: str) -> None:
    path, content_type, body = REQUESTS[case]
    with capture_logs():
        over_flask = site.over_flask(path, body, **headers(content_type))
        over_lane = site.over_lane(path, body, **headers(content_type))
    assert over_lane == over_flask
    assert over_flask.headers["x-request-id"] == "id-1"


def test_the_cases_above_meet_every_status_a_request_alone_can_cause(site: Site) -> None:
    with capture_logs():
        statuses = {site.over_flask(path, body, **headers(kind)).status for path, kind, body in REQUESTS.values()}
    assert statuses == {200, 400, 404, 413, 415, 422, 500, 503}


@pytest.mark.parametrize("reason", ["queue_full", "deadline_exceeded", "internal_error", "unknown_version"])
def test_what_the_engine_refuses_is_the_same_too(own_site: Site, reason: str) -> None:
    own_site.engine.refusal = (reason, "the engine says no")
    over_flask = own_site.over_flask(body=PNG, x_request_id="id-1")
    assert own_site.over_lane(body=PNG, x_request_id="id-1") == over_flask
    assert over_flask.status >= 400


def test_so_is_what_is_said_without_an_engine(own_site: Site) -> None:
    own_site.engine.die()
    own_site.wait_until(lambda: not own_site.client.ready)
    over_flask = own_site.over_flask(body=PNG, x_request_id="id-1")
    assert own_site.over_lane(body=PNG, x_request_id="id-1") == over_flask
    assert (over_flask.status, over_flask.headers["retry-after"]) == (503, "2")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/predict"), ("HEAD", "/predict"), ("OPTIONS", "/predict"), ("PUT", "/predict"), ("POST", "/models")]
    + [("GET", path) for path in ("/", "/healthz", "/readyz", "/models", "/models/cnn", "/openapi.json", "/nowhere")],
)
def test_what_is_not_its_own_goes_through_to_flask(site: Site, method: str, path: str) -> None:
    over_flask = site.over_flask(path, method=method, x_request_id="id-1")
    assert site.over_lane(path, method=method, x_request_id="id-1") == over_flask


@pytest.mark.parametrize(
    ("coding", "body", "status"),
    [
        ("gzip", gzip.compress(PNG), 200),
        ("GZIP", gzip.compress(bodies.json(PNG)), 400),  # it says it is a picture
        ("deflate", zlib.compress(PNG), 200),
        ("identity", PNG, 200),
        ("gzip", PNG, 400),
        ("gzip", gzip.compress(PNG)[:-9], 400),
        ("gzip", gzip.compress(bytes(400 * 784 + 1)), 413),
        ("br", PNG, 415),
    ],
)
def test_a_packed_body_is_unpacked(site: Site, coding: str, body: bytes, status: int) -> None:
    coded = {"content_type": "image/png", "content_encoding": coding, "x_request_id": "id-1"}
    over_flask = site.over_flask(body=body, **coded)
    assert site.over_lane(body=body, **coded) == over_flask
    assert over_flask.status == status


# --- what is recorded


def recorded(site: Site, status: int) -> dict[str, float]:
    """Counts of requests to `/predict` and of what a prediction leaves behind."""
    flush_all()

    def value(name: str, **labels: str) -> float:
        return REGISTRY.get_sample_value(name, labels) or 0.0

    stages = {
        stage: value("digits_stage_seconds_count", model="cnn", version="1", stage=stage)
        for stage in ("read", "decode", "queue", "inference", "write")
    }
    return {
        "requests": value("digits_requests_total", route="/predict", method="POST", status=str(status)),
        "timed": value("digits_request_seconds_count", route="/predict"),
        "confidences": value("digits_confidence_count", model="cnn", version="1"),
        "rejections": value("digits_rejections_total", reason="wrong_shape"),
        **stages,
    }


@pytest.mark.parametrize("way", ["over_flask", "over_lane"])
@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        (bodies.RAW, bytes(784 * 3), 200),
        (bodies.RAW, bytes(783), 422),
        (bodies.JSON, bodies.json(*pictures(3)), 200),
        (bodies.JSON, bodies.json(pictures(1)[0][:27]), 422),
    ],
)
def test_both_ways_leave_the_same_record(site: Site, way: str, content_type: str, body: bytes, status: int) -> None:
    before = recorded(site, status)
    answer: Answer = getattr(site, way)(body=body, content_type=content_type)
    assert answer.status == status
    after = recorded(site, status)
    well = status == 200
    expected = {"requests": 1, "timed": 1, "confidences": 3 * well, "rejections": 1 - well}
    expected |= dict.fromkeys(("read", "decode", "queue", "inference", "write"), int(well))
    assert {name: after[name] - before[name] for name in before} == expected


@pytest.mark.parametrize("way", ["over_flask", "over_lane"])
def test_both_ways_log_the_same_line(site: Site, way: str) -> None:
    with capture_logs() as logged:
        getattr(site, way)(body=bytes(783), content_type=bodies.RAW, x_request_id="id-9")
    [line] = [line for line in logged if line["event"] == "request"]
    assert line == {
        "event": "request",
        "log_level": "warning",
        "route": "/predict",
        "method": "POST",
        "status": 422,
        "ms": 0.0,
        "id": "id-9",
        "error": "wrong_shape",
    }
