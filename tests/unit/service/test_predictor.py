"""The endpoint of `/predict`: the query, the stages' times, and what an answer says of each picture."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import chain, repeat

import cv2
import msgspec
import numpy as np
import orjson
import pytest

from service import errors
from service.client import EngineClient
from service.endpoint import Call
from service.errors import InvalidParameterError
from service.predictor import Predictor, Query
from service.router import Router
from service.settings import Settings
from tests.unit.service import bodies
from tests.unit.service.conftest import MakeSettings
from tests.unit.service.running import connected, pictures
from tests.unit.service.site import Site, serving
from tests.unit.service.tiny_engine import CARD, CNN, INFERENCE_SECONDS, TinyEngine, classify

PNG = bodies.png(bodies.digit())


@pytest.fixture
def predictor(settings: Settings) -> Predictor:
    """With a client that was never started: enough for all that happens before and after the engine."""
    return unconnected(settings)


def unconnected(settings: Settings) -> Predictor:
    return Predictor(settings, Router(EngineClient(settings)), lambda: 0.0)


def call(content_type: str, body: bytes, started: float = 0.0, budget_seconds: float = 60.0) -> Call:
    return Call("/predict", b"", {b"content-type": content_type.encode()}, body, "id-1", started, budget_seconds)


# --- the query


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (b"", Query("cnn", None, None, None)),
        (b"model=mlp", Query("mlp", None, None, None)),
        (b"model=mlp&version=3&top_k=5", Query("mlp", 3, None, 5)),
        (b"model=", Query("cnn", None, None, None)),
        (b"version=1700000000123", Query("cnn", 1700000000123, None, None)),
        (b"label=canary", Query("cnn", None, "canary", None)),
        (b"version=3&label=", Query("cnn", 3, None, None)),
        (b"prepare=none", Query("cnn", None, None, None, prepare=False)),
        (b"prepare=full", Query("cnn", None, None, None)),
        (b"prepare=", Query("cnn", None, None, None)),
        (b"other=1", Query("cnn", None, None, None)),
        (b"model=a&model=b&top_k=1&top_k=2", Query("a", None, None, 1)),
        (b"model=%C3%BC+x", Query("ü x", None, None, None)),
        (b"&&&", Query("cnn", None, None, None)),
        (b"model=%FF", Query("\ufffd", None, None, None)),
        (b"model=\xff", Query("\ufffd", None, None, None)),
    ],
)
def test_the_query(predictor: Predictor, query: bytes, expected: Query) -> None:
    assert predictor.query(query) == expected


def test_the_default_model_is_a_setting(make_settings: MakeSettings) -> None:
    settings = make_settings(default_model="mlp")
    predictor = unconnected(settings)
    assert predictor.query(b"").model == predictor.query(b"top_k=1").model == "mlp"


@pytest.mark.parametrize("name", ["version", "top_k"])
@pytest.mark.parametrize(
    "value", ["", "0", "-1", "+1", "1.0", "many", "²", "٣", "1 ", "01", "1e3", "9" * 19, "9" * 5000]
)
def test_what_is_no_positive_whole_number(predictor: Predictor, name: str, value: str) -> None:
    with pytest.raises(InvalidParameterError, match=f"{name} must be a positive whole number") as refused:
        predictor.query(f"{name}={value}".encode().replace(b"+", b"%2B"))
    assert refused.value.field == name
    assert len(refused.value.message) < 120


def test_a_version_and_a_label_contradict_each_other(predictor: Predictor) -> None:
    with pytest.raises(InvalidParameterError, match="not both") as refused:
        predictor.query(b"version=1&label=stable")
    assert refused.value.field == "label"


def test_what_is_no_way_of_preparing(predictor: Predictor) -> None:
    with pytest.raises(InvalidParameterError, match="prepare must be full or none, not 'half'") as refused:
        predictor.query(b"prepare=half")
    assert refused.value.field == "prepare"


# --- where a body is read

LARGE_PNG = bodies.png(np.random.default_rng(0).integers(0, 256, (200, 200), np.uint8))
LARGE_JPEG = cv2.imencode(".jpg", np.zeros((2000, 2000), np.uint8))[1].tobytes()
CURL = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("content_type", "body", "heavy"),
    [
        ("image/png", PNG, False),
        (CURL, PNG, False),
        ("", PNG, False),
        ("image/png", LARGE_PNG, True),
        (CURL, LARGE_PNG, True),
        ("application/octet-stream", LARGE_PNG, True),
        ("", LARGE_JPEG, True),
        (CURL, LARGE_JPEG, True),
        ("application/octet-stream", bytes(784 * 10_000), False),
        ("application/x-npy", bodies.npy(pictures(1)), False),
        ("application/x-npy", bodies.npy(pictures(1000).astype(np.float64)), True),
        ("application/json", b"{}", True),
        ("Multipart/Form-Data; boundary=x", b"x", True),
        ("text/plain", b"x" * 100_000, False),
        ("image/png", b"", False),
    ],
)
def test_what_would_hold_up_an_event_loop(predictor: Predictor, content_type: str, body: bytes, heavy: bool) -> None:
    assert predictor.is_heavy(call(content_type, body)) is heavy


# --- times


@asynccontextmanager
async def at_times(settings: Settings, *seconds: float) -> AsyncIterator[Predictor]:
    """A predictor whose clock says one of `seconds` after the other."""
    times: Iterator[float] = chain(seconds, repeat(float("nan")))
    async with connected(settings) as client:
        yield Predictor(settings, Router(client), lambda: next(times))


def test_stages_are_timed_and_the_budget_is_what_is_left(settings: Settings, engine: TinyEngine) -> None:
    async def run() -> None:
        async with at_times(settings, 10.5, 13.0) as predictor:
            job = predictor.begin(call(bodies.PNG, PNG, started=10.0, budget_seconds=60.0))
            assert job.stages == {"read": 0.5, "decode": 2.5}
            assert job.budget_seconds == 57.0
            await job.ask()
            document = orjson.loads(predictor.finish(job).body)
            inference_ms = INFERENCE_SECONDS * 1000
            assert document["timings_ms"] == {"read": 500, "decode": 2500, "queue": 0, "inference": inference_ms}
            assert 50 < engine.asked[0].header.budget_seconds <= 57.0

    asyncio.run(run())


def test_what_took_too_long_before_the_engine_is_504(settings: Settings, engine: TinyEngine) -> None:
    async def run() -> None:
        async with at_times(settings, 1.0, 6.0) as predictor:
            engine.hold()
            job = predictor.begin(call(bodies.PNG, PNG, started=0.0, budget_seconds=5.0))
            with pytest.raises(errors.DeadlineExceededError):
                await job.ask()

    asyncio.run(run())


# --- answers


def test_what_is_said_of_a_picture(site: Site) -> None:
    [found] = orjson.loads(site.over_flask(body=PNG).body)["predictions"]
    [expected] = classify(bodies.digit()[None])[0]
    assert set(found) == {"digit", "confidence", "warnings", "probabilities"}
    assert found["warnings"] == []
    assert np.array_equal(np.array(found["probabilities"], np.float32), expected)
    assert found["digit"] == int(expected.argmax())
    assert np.float32(found["confidence"]) == expected.max()


@pytest.mark.parametrize(("top_k", "length"), [(1, 1), (3, 3), (10, 10), (99, 10)])
def test_the_best_classes_in_order(site: Site, top_k: int, length: int) -> None:
    [found] = orjson.loads(site.over_flask(f"/predict?top_k={top_k}", PNG).body)["predictions"]
    top = found["top"]
    assert len(top) == length
    assert (top[0]["digit"], top[0]["probability"]) == (found["digit"], found["confidence"])
    assert [one["probability"] for one in top] == sorted(found["probabilities"], reverse=True)[:length]
    assert all(found["probabilities"][one["digit"]] == one["probability"] for one in top)


def test_classes_that_are_no_digits_are_called_by_their_label(site: Site) -> None:
    [found] = orjson.loads(site.over_flask("/predict?model=letters&top_k=2", PNG).body)["predictions"]
    winner = int(classify(bodies.digit()[None])[0][0].argmax())
    assert (found["label"], found["index"]) == ("abcdefghij"[winner], winner)
    assert "digit" not in found
    assert found["top"][0]["label"] == found["label"]


WIDE = bodies.digit()
OFF_CENTRE = np.roll(WIDE, 5, axis=1)


def test_without_preparation_pixels_are_as_they_were_sent(site: Site) -> None:
    prepared = site.over_lane("/predict", bodies.png(OFF_CENTRE))
    assert prepared.status == 200
    assert not np.array_equal(site.engine.asked[-1].images[0, ..., 0], OFF_CENTRE)
    assert site.over_lane("/predict?prepare=none", bodies.png(OFF_CENTRE)).status == 200
    assert np.array_equal(site.engine.asked[-1].images[0, ..., 0], OFF_CENTRE)
    blank = np.zeros((28, 28), np.uint8)
    assert site.over_lane("/predict?prepare=none", bodies.png(blank)).status == 200
    other = orjson.loads(site.over_lane("/predict?prepare=none", bodies.png(np.zeros((30, 28), np.uint8))).body)
    assert other["error"]["type"] == "wrong_shape"
    assert "28×30" in other["error"]["message"]


def test_what_was_found_wrong_is_said_of_each_picture(site: Site) -> None:
    faint = np.where(np.kron(WIDE, np.ones((4, 4), np.uint8)) > 127, 225, 250).astype(np.uint8)
    body = bodies.json(bodies.png(WIDE), bodies.png(faint), WIDE)
    found = orjson.loads(site.over_lane("/predict", body, content_type=bodies.JSON).body)["predictions"]
    assert [one["warnings"] for one in found][::2] == [[], []]
    assert "low_contrast" in found[1]["warnings"]


@pytest.fixture
def judging(settings: Settings) -> Iterator[Site]:
    """A site whose model has a threshold: the tiny engine's energy is minus the sum of the pixels by 1,000."""
    card = {**CARD, "rejection": {"energy": {"reject_above": -100.0}}}
    with (
        TinyEngine(settings.endpoint, msgspec.structs.replace(CNN, card=card)) as engine,
        serving(settings, engine) as own,
    ):
        yield own


def test_what_is_no_digit_is_said(judging: Site) -> None:
    images = np.zeros((4, 28, 28, 1), np.uint8)
    for image, energy in zip(images, (-99.0, -100.0, -101.0, -199.92), strict=True):
        image.reshape(-1)[: int(-energy * 1000) // 255] = 255
    found = orjson.loads(judging.over_lane("/predict", images.tobytes(), content_type=bodies.RAW).body)["predictions"]
    assert [one["is_digit"] for one in found] == [False, False, True, True]
    scores = [one["digit_score"] for one in found]
    assert scores == sorted(scores)
    assert scores[1] == pytest.approx(0.5, abs=0.05)
    assert scores[3] == 1


def test_a_new_catalogue_counts_from_the_next_request_on(own_site: Site) -> None:
    newer = msgspec.structs.replace(CNN, version=2, card={**CARD, "labels": [*"abcdefghij"]})

    def asked() -> tuple[int, bool]:
        document = orjson.loads(own_site.over_flask(body=PNG).body)
        return document["version"], "digit" in document["predictions"][0]

    assert asked() == (1, True)
    own_site.engine.serve(CNN, newer)
    own_site.wait_until(lambda: len(own_site.client.catalogue.versions) == 2)
    assert asked() == (2, False)
    assert orjson.loads(own_site.over_flask("/predict?version=1", PNG).body)["version"] == 1
