"""The Flask application: every route, and every way a request can fail in its one shape."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable

import numpy as np
import orjson
import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from service.app import create_app
from service.openapi import error_types
from service.settings import Settings
from service.version import __version__
from tests.unit.service import bodies
from tests.unit.service.running import pictures, until
from tests.unit.service.site import Answer, Site
from tests.unit.service.tiny_engine import CARD, CNN, TinyEngine

GOOD = bodies.png(bodies.digit())
ROUTES = ["/", "/healthz", "/readyz", "/models", "/models/cnn", "/models/cnn/versions/1", "/metrics", "/openapi.json"]


def get(site: Site, path: str) -> object:
    answer = site.over_flask(path, method="GET")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    return orjson.loads(answer.body)


def test_alive_and_ready(site: Site) -> None:
    assert get(site, "/healthz") == {"status": "alive"}
    assert get(site, "/readyz") == {"status": "ready"}


def test_where_to_go_from_here(site: Site) -> None:
    index = get(site, "/")
    assert isinstance(index, dict)
    assert index["version"] == __version__
    for link in index["links"]:
        assert site.over_flask(link, method="GET").status == 200


def test_what_is_served_and_by_whom(site: Site) -> None:
    listed = get(site, "/models")
    assert isinstance(listed, dict)
    assert [model["name"] for model in listed["models"]] == ["arrays", "broken", "cnn", "coming", "letters", "short"]
    assert [model["name"] for model in listed["models"] if model["default"]] == ["cnn"]
    catalogue = site.engine.catalogue
    assert listed["engine"] == {
        "ready": True,
        "device": {"kind": "cpu", "name": "CPU"},
        "pid": catalogue.engine_pid,
        "started": catalogue.started,
        "tensorflow": catalogue.tensorflow,
    }


def test_one_model(site: Site) -> None:
    assert get(site, "/models/cnn") == {
        "name": "cnn",
        "default": True,
        "versions": [
            {"version": 2, "state": "loading", "card": "/models/cnn/versions/2"},
            {
                "version": 1,
                "state": "available",
                "dataset": "mnist",
                "input": CARD["input"],
                "labels": CARD["labels"],
                "parameters": 1234,
                "macs": 5678,
                "test_accuracy": 0.99,
                "card": "/models/cnn/versions/1",
            },
        ],
    }
    broken = get(site, "/models/broken")
    assert isinstance(broken, dict)
    assert "SHA-256" in broken["versions"][0]["reason"]


def test_one_version_with_its_card(site: Site) -> None:
    found = get(site, "/models/cnn/versions/1")
    assert isinstance(found, dict)
    assert found["card"] == CARD
    assert found["state"] == "available"


def test_metrics_are_in_prometheus_text_format(site: Site) -> None:
    site.over_flask(body=GOOD)
    answer = site.over_flask("/metrics", method="GET")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    names = {family.name for family in text_string_to_metric_families(answer.body.decode())}
    assert {"digits_requests", "digits_request_seconds", "digits_predictions", "digits_stage_seconds"} <= names
    assert {"digits_confidence", "digits_rejections", "digits_engine_up", "digits_build_info"} <= names


@pytest.mark.parametrize("path", ROUTES)
def test_head_is_get_without_a_body(site: Site, path: str) -> None:
    got, headed = site.over_flask(path, method="GET"), site.over_flask(path, method="HEAD", x_request_id="x")
    assert (headed.status, headed.body) == (200, b"")
    assert headed.headers["content-type"] == got.headers["content-type"]


@pytest.mark.parametrize("path", [*ROUTES, "/predict", "/nowhere"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
def test_the_request_id_is_echoed_or_made(site: Site, path: str, method: str) -> None:
    assert site.over_flask(path, method=method, x_request_id="mine-1").headers["x-request-id"] == "mine-1"
    made = site.over_flask(path, method=method, x_request_id="not a sane one").headers["x-request-id"]
    assert re.fullmatch("[0-9a-f]{16}", made)


# --- predictions


def predictions(answer: Answer) -> list[dict[str, object]]:
    assert answer.status == 200, answer.body
    document = orjson.loads(answer.body)
    assert set(document) == {"model", "version", "predictions", "timings_ms"}
    assert set(document["timings_ms"]) == {"read", "decode", "queue", "inference"}
    found: list[dict[str, object]] = document["predictions"]
    return found


ONE = bodies.digit()
FORMS: dict[str, tuple[str, bytes]] = {
    "png": ("image/png", bodies.png(ONE)),
    "png, dark on light": ("image/png", bodies.png(255 - ONE)),
    "png, untyped": ("", bodies.png(ONE)),
    "png, as curl sends it": ("application/x-www-form-urlencoded", bodies.png(ONE)),
    "raw": (bodies.RAW, ONE.tobytes()),
    "npy": (bodies.NPY, bodies.npy(ONE)),
    "npy of floats": (bodies.NPY, bodies.npy(ONE[None].astype(np.float64))),
    "json, base64": (bodies.JSON, bodies.json(bodies.png(ONE))),
    "json, 28×28": (bodies.JSON, bodies.json(ONE)),
    "json, 28×28×1": (bodies.JSON, bodies.json(ONE[..., None])),
    "json, 784": (bodies.JSON, bodies.json(ONE.reshape(-1))),
    "multipart": (bodies.MULTIPART, bodies.multipart(bodies.png(ONE))),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_picture_gets_the_same_answer(site: Site, form: str) -> None:
    content_type, body = FORMS[form]
    expected = predictions(site.over_flask(body=ONE.tobytes(), content_type=bodies.RAW))
    assert predictions(site.over_flask(body=body, content_type=content_type)) == expected
    assert np.array_equal(site.engine.asked[-1].images[0, ..., 0], ONE)


MANY = pictures(20)
MANY_FORMS: dict[str, tuple[str, bytes]] = {
    "raw": (bodies.RAW, MANY.tobytes()),
    "npy": (bodies.NPY, bodies.npy(MANY)),
    "npy, flat": (bodies.NPY, bodies.npy(MANY.reshape(20, 784))),
    "json": (bodies.JSON, bodies.json(*MANY)),
}


@pytest.mark.parametrize("form", MANY_FORMS)
def test_many_pictures_are_answered_in_the_order_sent(site: Site, form: str) -> None:
    content_type, body = MANY_FORMS[form]
    alone = [predictions(site.over_flask(body=picture.tobytes(), content_type=bodies.RAW))[0] for picture in MANY[:3]]
    together = predictions(site.over_flask(body=body, content_type=content_type))
    assert len(together) == 20
    assert together[:3] == alone
    assert len({orjson.dumps(one) for one in together}) > 1


TEN = [bodies.png(bodies.digit(seed)) for seed in range(10)]


@pytest.mark.parametrize("bad", [0, 4, 9])
@pytest.mark.parametrize(
    ("content_type", "join", "name"),
    [(bodies.MULTIPART, bodies.multipart, "files"), (bodies.JSON, bodies.json, "images")],
)
def test_a_corrupt_picture_among_ten_fails_alone(
    site: Site, content_type: str, join: Callable[..., bytes], name: str, bad: int
) -> None:
    whole = predictions(site.over_flask(body=join(*TEN), content_type=content_type))
    with_fault = [TEN[i] if i != bad else TEN[i][:60] for i in range(10)]
    found = predictions(site.over_flask(body=join(*with_fault), content_type=content_type))
    fault = found[bad]["error"]
    assert isinstance(fault, dict)
    assert (fault["type"], fault["field"]) == ("undecodable_picture", f"{name}[{bad}]")
    assert [one for i, one in enumerate(found) if i != bad] == [one for i, one in enumerate(whole) if i != bad]


def test_pictures_that_fail_alone_are_counted_as_rejected(site: Site) -> None:
    def rejected() -> float:
        return REGISTRY.get_sample_value("digits_rejections_total", {"reason": "undecodable_picture"}) or 0.0

    before = rejected()
    predictions(site.over_flask(body=bodies.multipart(TEN[0], b"no", b"no"), content_type=bodies.MULTIPART))
    assert rejected() == before + 2


def test_several_faults_keep_their_places(site: Site) -> None:
    blank = bodies.png(np.full((28, 28), 255, np.uint8))
    answer = site.over_flask(body=bodies.json(b"no", TEN[0], blank, "%", TEN[1], 7), content_type=bodies.JSON)
    found = predictions(answer)
    kinds = [one["error"]["type"] if isinstance(one.get("error"), dict) else "digit" for one in found]  # type: ignore[index]
    assert kinds == [
        "undecodable_picture",
        "digit",
        "blank_picture",
        "malformed_request",
        "digit",
        "malformed_request",
    ]


def test_when_no_picture_is_well_the_first_fault_is_the_answer(site: Site) -> None:
    answer = site.over_flask(body=bodies.multipart(b"no", TEN[0][:60]), content_type=bodies.MULTIPART)
    assert answer.status == 400
    assert orjson.loads(answer.body)["error"]["field"] == "files[0]"


def test_the_model_and_version_asked_for_answer(site: Site) -> None:
    colour = np.random.default_rng(0).integers(0, 256, (2, 4, 5, 3), np.uint8)
    answer = site.over_flask("/predict?model=arrays&version=1", colour.tobytes(), content_type=bodies.RAW)
    assert len(predictions(answer)) == 2
    assert np.array_equal(site.engine.asked[-1].images, colour)
    document = orjson.loads(answer.body)
    assert (document["model"], document["version"]) == ("arrays", 1)


def test_a_model_without_a_preparation_takes_no_pictures(site: Site) -> None:
    answer = site.over_flask("/predict?model=arrays", GOOD)
    assert answer.status == 415
    assert "arrays/1 takes arrays only" in orjson.loads(answer.body)["error"]["message"]


# --- failures


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
    assert set(FAILURES) == set(error_types())


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


def test_as_large_as_allowed_is_not_too_large(site: Site) -> None:
    assert site.settings.max_body_bytes == 400 * 784
    assert len(predictions(site.over_flask(body=bytes(400 * 784), content_type=bodies.RAW))) == 400
    as_many_files = bodies.multipart(*TEN[:1] * 400)
    assert len(predictions(site.over_flask(body=as_many_files, content_type=bodies.MULTIPART))) == 400


def test_while_there_is_no_engine(own_site: Site) -> None:
    own_site.engine.die()
    own_site.wait_until(lambda: not own_site.client.ready)
    for answer in (own_site.over_flask(body=GOOD), own_site.over_flask("/readyz", method="GET")):
        check_shape(answer, "not_ready")
    assert own_site.over_flask("/healthz", method="GET").status == 200
    listed = orjson.loads(own_site.over_flask("/models", method="GET").body)
    assert listed["engine"]["ready"] is False
    assert listed["models"]


def test_an_application_of_its_own_brings_its_client(settings: Settings) -> None:
    app = create_app(settings)
    client = app.extensions["digits"].predictor.client
    [thread] = [thread for thread in threading.enumerate() if thread.name == "engine-client"]
    try:
        with app.test_client() as http:
            assert http.get("/healthz").status_code == 200
            for path in ("/readyz", "/models", "/models/cnn"):
                response = http.get(path)
                assert response.status_code == 503
                assert response.headers["Retry-After"]
            with TinyEngine(settings.endpoint, CNN):
                asyncio.run_coroutine_threadsafe(until(lambda: client.ready), client._loop).result()
                assert http.post("/predict", data=GOOD).status_code == 200
    finally:
        asyncio.run_coroutine_threadsafe(client.stop(), client._loop).result()
        client._loop.call_soon_threadsafe(client._loop.stop)
        thread.join()
        client._loop.close()
