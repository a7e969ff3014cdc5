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

from service.app import create_app
from service.buffers import flush_all
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
        "labels": {},
        "canary_share": 0.0,
        "shadow_share": 0.0,
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
        flush_all()
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


def test_as_large_as_allowed_is_not_too_large(site: Site) -> None:
    assert site.settings.max_body_bytes == 400 * 784
    assert len(predictions(site.over_flask(body=bytes(400 * 784), content_type=bodies.RAW))) == 400
    as_many_files = bodies.multipart(*TEN[:1] * 400)
    assert len(predictions(site.over_flask(body=as_many_files, content_type=bodies.MULTIPART))) == 400


# --- with a client of its own


def test_an_application_of_its_own_brings_its_client(settings: Settings) -> None:
    app = create_app(settings)
    client = app.extensions["digits"].client
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
