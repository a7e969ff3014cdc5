"""The inference lane: byte for byte what Flask answers, and what is its own, reading a body off the wire.

The clock stands still, and the tiny engine says that inference took longer than any test runs, so that nothing is left
for the queue: two answers to the same request have no reason to differ.
"""

from __future__ import annotations

import asyncio
import gzip
import zlib

import cv2
import httpx
import numpy as np
import orjson
import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from service.observation import flush_all
from tests.unit.service import bodies
from tests.unit.service.running import pictures, until
from tests.unit.service.site import Answer, Call, Site

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


def test_an_http_client_gets_it_too(site: Site) -> None:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(site.lane)
        async with httpx.AsyncClient(transport=transport, base_url="http://digits") as http:
            return await http.post("/predict", content=PNG, headers={"X-Request-ID": "id-1"})

    response = asyncio.run_coroutine_threadsafe(ask(), site.loop).result()
    assert response.content == site.over_flask(body=PNG, x_request_id="id-1").body


# --- reading the body


def sent(
    content_type: str,
    *chunks: bytes,
    length: bool = False,
    hangs_up: bool = False,
    pause: asyncio.Event | None = None,
) -> Call:
    found = {"content-type": content_type, "x-request-id": "id-1"}
    if length:
        found["content-length"] = str(sum(map(len, chunks)))
    else:
        found["transfer-encoding"] = "chunked"
    return Call(headers=found, chunks=chunks, hangs_up=hangs_up, pause=pause)


CHUNKED = {"image/png": PNG, bodies.JSON: bodies.json(PNG), bodies.MULTIPART: bodies.multipart(PNG, b"x")}


@pytest.mark.parametrize("length", [True, False])
@pytest.mark.parametrize("size", [1, 7, 100])
@pytest.mark.parametrize("content_type", CHUNKED)
def test_a_body_may_come_in_pieces_of_any_size(site: Site, content_type: str, size: int, length: bool) -> None:
    body = CHUNKED[content_type]
    whole = site.over_flask(body=body, content_type=content_type, x_request_id="id-1")
    assert whole.status == 200
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    for chunks in (pieces, [b"", *pieces, b""]):
        assert site.make(sent(content_type, *chunks, length=length)) == whole


@pytest.mark.parametrize("content_type", [bodies.RAW, bodies.JSON])
def test_a_body_that_says_it_is_too_large_is_not_read(site: Site, content_type: str) -> None:
    call = sent(content_type, bytes(400 * 784), b"x", length=True)
    answer = site.make(call)
    assert answer is not None
    assert answer.status == 413
    assert call.received == 0


@pytest.mark.parametrize("content_type", [bodies.RAW, bodies.JSON])
def test_a_body_that_grows_too_large_is_read_no_further(site: Site, content_type: str) -> None:
    limit = site.settings.max_body_bytes
    call = sent(content_type, *[bytes(limit // 4)] * 100)
    answer = site.make(call)
    assert answer is not None
    assert answer.status == 413
    assert f"more than {limit} bytes" in orjson.loads(answer.body)["error"]["message"]
    assert call.received == 5


def test_a_body_may_be_as_large_as_the_limit(site: Site) -> None:
    answer = site.make(sent(bodies.RAW, bytes(200 * 784), bytes(200 * 784)))
    assert answer is not None
    assert answer.status == 200


@pytest.mark.parametrize("content_length", ["", "abc", "-1", "1e3"])
def test_a_length_that_is_none_changes_nothing(site: Site, content_length: str) -> None:
    call = sent("image/png", PNG)
    call.headers["content-length"] = content_length
    assert site.make(call) == site.over_flask(body=PNG, content_type="image/png", x_request_id="id-1")


def hung_up() -> float:
    flush_all()
    return (
        REGISTRY.get_sample_value("digits_requests_total", {"route": "/predict", "method": "POST", "status": "499"})
        or 0.0
    )


@pytest.mark.parametrize("content_type", ["image/png", bodies.JSON])
@pytest.mark.parametrize("chunks", [(), (PNG[:20],), (PNG[:20], PNG[20:])])
def test_who_hangs_up_in_the_middle_is_not_answered_but_counted(
    site: Site, content_type: str, chunks: tuple[bytes, ...]
) -> None:
    counted, asked = hung_up(), len(site.engine.asked)
    call = sent(content_type, *chunks, hangs_up=True)
    assert site.make(call) is None
    assert call.received == len(chunks) + 1
    assert (hung_up(), len(site.engine.asked)) == (counted + 1, asked)
    assert site.over_lane(body=PNG).status == 200


def test_who_hangs_up_while_the_engine_is_busy_is_waited_for_no_longer(own_site: Site) -> None:
    """The answer never comes; that the request ends shows that the caller's going was seen."""
    counted = hung_up()
    own_site.engine.hold()
    call = sent("image/png", PNG)
    call.leaves = True
    assert own_site.make(call) is None
    assert hung_up() == counted + 1
    own_site.engine.release()
    assert own_site.over_lane(body=PNG).status == 200


@pytest.mark.parametrize("content_type", ["image/png", bodies.JSON])
def test_who_sends_slowly_keeps_nobody_waiting(site: Site, content_type: str) -> None:
    body = CHUNKED[content_type]

    async def run() -> list[Answer | None]:
        all_here = asyncio.Event()
        slow = [sent(content_type, body[:50], body[50:], pause=all_here) for _ in range(10)]  # more than threads
        answers = [asyncio.create_task(call.made_to(site.lane)) for call in slow]
        await until(lambda: all(call.received == 2 for call in slow))
        alive = await Call("GET", "/healthz", chunks=[b""]).made_to(site.lane)
        assert alive is not None
        assert alive.status == 200
        all_here.set()
        return await asyncio.gather(*answers)

    for answer in asyncio.run_coroutine_threadsafe(run(), site.loop).result():
        assert answer == site.over_flask(body=body, content_type=content_type, x_request_id="id-1")


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
