"""The endpoint of `/read`: its query, its forms, and what an answer says of a row."""

from __future__ import annotations

import asyncio
from typing import Any

import cv2
import numpy as np
import orjson
import pytest

from service import errors
from service.client import EngineClient
from service.endpoint import Call
from service.errors import InvalidParameterError
from service.images.rows import find_digits
from service.reader import NOT_AS_EXPECTED, Query, Reader
from service.reading_description import paths
from service.reading_path import read_row
from service.router import Router
from service.settings import Settings
from tests.rows import compose
from tests.unit.service import bodies
from tests.unit.service.conftest import VERSIONS, MakeSettings
from tests.unit.service.running import connected
from tests.unit.service.tiny_engine import CARD, INFERENCE_SECONDS, TinyEngine, classify

SHAPES = np.zeros((3, 28, 28), np.uint8)
SHAPES[0, 4:24, 12:17] = 255
SHAPES[1, 4:24, 8:20] = 255
SHAPES[1, 8:20, 12:16] = 0
SHAPES[2, 4:8, 8:20] = SHAPES[2, 4:24, 16:20] = 255
ROW = compose(SHAPES, "separated", 1)
PNG = bodies.png(ROW.picture)


def call(query: bytes = b"", body: bytes = PNG, content_type: str = bodies.PNG, budget_seconds: float = 60.0) -> Call:
    return Call("/read", query, {b"content-type": content_type.encode()}, body, "id-1", 0.0, budget_seconds)


def unconnected(settings: Settings) -> Reader:
    return Reader(settings, Router(EngineClient(settings)), lambda: 0.0)


@pytest.fixture
def reader(settings: Settings) -> Reader:
    """With a client that was never started: enough for what happens before the engine."""
    return unconnected(settings)


def answer(settings: Settings, call: Call) -> dict[str, Any]:
    """What a reader with an engine says to `call`."""

    async def run() -> dict[str, Any]:
        async with connected(settings) as client:
            reader = Reader(settings, Router(client), lambda: 0.0)
            job = reader.begin(call)
            await job.ask()
            reply = reader.finish(job)
            job.passed(0.0)
            assert reply.status == 200
            document: dict[str, Any] = orjson.loads(reply.body)
            return document

    return asyncio.run(run())


# --- before the engine


def test_it_is_for_its_own_path_and_always_heavy(reader: Reader) -> None:
    assert reader.matches("/read")
    assert not reader.matches("/predict")
    assert reader.is_heavy(call())


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (b"", Query("cnn", None, None, None)),
        (b"model=mlp&version=3&digits=5", Query("mlp", 3, None, 5)),
        (b"label=canary&digits=64", Query("cnn", None, "canary", 64)),
        (b"model=&label=&other=1", Query("cnn", None, None, None)),
        (b"digits=1&digits=2", Query("cnn", None, None, 1)),
    ],
)
def test_the_query(reader: Reader, query: bytes, expected: Query) -> None:
    assert reader.query(query) == expected


@pytest.mark.parametrize("name", ["version", "digits"])
@pytest.mark.parametrize("value", ["", "0", "-1", "1.0", "many", "²", "9" * 19])
def test_what_is_no_positive_whole_number(reader: Reader, name: str, value: str) -> None:
    with pytest.raises(InvalidParameterError, match="positive whole number") as refused:
        reader.query(f"{name}={value}".encode())
    assert refused.value.field == name


@pytest.mark.parametrize(("query", "field"), [(b"digits=65", "digits"), (b"version=1&label=stable", "label")])
def test_what_cannot_be_asked(reader: Reader, query: bytes, field: str) -> None:
    with pytest.raises(InvalidParameterError) as refused:
        reader.query(query)
    assert refused.value.field == field


def test_without_an_engine_it_is_not_ready(reader: Reader) -> None:
    with pytest.raises(errors.NotReadyError):
        reader.begin(call())


BLANK = bodies.png(np.full((60, 200), 200, np.uint8))


@pytest.mark.parametrize(
    ("asked", "error", "field"),
    [
        (call(body=b""), errors.MalformedRequestError, "body"),
        (call(body=PNG[:60]), errors.UndecodablePictureError, "body"),
        (call(body=BLANK), errors.BlankPictureError, "body"),
        (call(body=bodies.multipart(BLANK), content_type=bodies.MULTIPART), errors.BlankPictureError, "files[0]"),
        (call(body=bodies.multipart(PNG, PNG), content_type=bodies.MULTIPART), errors.PayloadTooLargeError, "body"),
        (call(body=b"{}", content_type=bodies.JSON), errors.UnsupportedMediaTypeError, "body"),
        (call(body=bytes(784), content_type=bodies.RAW), errors.UnsupportedMediaTypeError, "body"),
        (call(b"model=arrays"), errors.UnsupportedMediaTypeError, None),
        (call(b"model=none"), errors.UnknownModelError, None),
        (call(b"version=9"), errors.UnknownVersionError, None),
    ],
)
def test_faults_of_the_input(settings: Settings, asked: Call, error: type[errors.ServiceError], field: str) -> None:
    with TinyEngine(settings.endpoint, *VERSIONS), pytest.raises(error) as refused:
        answer(settings, asked)
    if field is not None:
        assert refused.value.field == field


def test_the_pixel_limit_is_the_services(make_settings: MakeSettings) -> None:
    settings = make_settings(max_pixels=1000)
    with TinyEngine(settings.endpoint), pytest.raises(errors.PayloadTooLargeError):
        answer(settings, call())


# --- the answer


def test_every_piece_is_asked_about_at_once_and_the_answer_is_the_best_way(
    settings: Settings, engine: TinyEngine
) -> None:
    document = answer(settings, call())
    (asked,) = engine.asked
    row = find_digits(PNG)
    np.testing.assert_array_equal(asked.images, row.images)
    reading = read_row(row.atoms, row.pieces, *classify(row.images), None)
    assert [digit["digit"] for digit in document["digits"]] == [digit.digit for digit in reading.digits]
    assert document["text"] == "".join(str(digit.digit) for digit in reading.digits)
    assert document["confidence"] == pytest.approx(reading.confidence)
    for told, digit in zip(document["digits"], reading.digits, strict=True):
        piece = row.pieces[digit.piece]
        assert told["confidence"] == pytest.approx(digit.confidence)
        assert (*told["box"].values(),) == piece.box
        assert list(told["box"]) == ["x", "y", "width", "height"]
        assert told["split"] is piece.is_split
    height, width = ROW.picture.shape
    assert (document["model"], document["version"]) == ("cnn", 1)
    assert (document["width"], document["height"]) == (width, height)
    assert document["warnings"] == []
    assert document["timings_ms"] == {"read": 0, "decode": 0, "queue": 0, "inference": INFERENCE_SECONDS * 1000}


@pytest.mark.parametrize("digits", [2, 3])
def test_as_many_digits_as_expected(settings: Settings, engine: TinyEngine, digits: int) -> None:
    close = np.hstack([shape[2:26, 8:20] for shape in SHAPES])  # all in one part
    picture = cv2.resize(np.pad(close, 10), None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    document = answer(settings, call(f"digits={digits}".encode(), bodies.png(np.asarray(picture, np.uint8))))
    assert len(document["digits"]) == len(document["text"]) == digits
    assert document["warnings"] == []


def test_more_digits_than_there_can_be_are_warned_of(settings: Settings, engine: TinyEngine) -> None:
    document = answer(settings, call(b"digits=60"))
    assert 0 < len(document["digits"]) < 60
    assert document["warnings"] == [NOT_AS_EXPECTED]


def test_a_form_with_one_file(settings: Settings, engine: TinyEngine) -> None:
    asked = call(body=bodies.multipart(PNG), content_type=bodies.MULTIPART)
    assert answer(settings, asked)["text"] == answer(settings, call())["text"]


def test_classes_that_are_no_digits_go_by_their_labels(settings: Settings) -> None:
    with TinyEngine(settings.endpoint, *VERSIONS):
        document = answer(settings, call(b"model=letters"))
    assert document["text"] == "".join(digit["label"] for digit in document["digits"])
    assert set(document["text"]) <= set("abcdefghij")
    assert all("digit" not in digit for digit in document["digits"])


def test_the_description_names_all_that_an_answer_holds(settings: Settings, engine: TinyEngine) -> None:
    operation = paths()["/read"]["post"]
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    document = answer(settings, call())
    assert set(document) == set(schema["properties"]) == set(schema["required"])
    digit = schema["properties"]["digits"]["items"]
    assert set(document["digits"][0]) <= set(digit["properties"])
    assert set(digit["required"]) <= set(document["digits"][0])
    assert {parameter["name"] for parameter in operation["parameters"]} == {"model", "version", "label", "digits"}


def test_the_cards_threshold_goes_into_the_reading(settings: Settings) -> None:
    """The tiny engine's energies are those of sums; a card that rejects them all makes every digit less sure."""
    (plain,) = [version for version in VERSIONS if (version.name, version.version) == ("cnn", 1)]
    strict = type(plain)("cnn", 1, "available", None, {**CARD, "rejection": {"energy": {"reject_above": -1e6}}})
    row = find_digits(PNG)
    with TinyEngine(settings.endpoint, strict):
        document = answer(settings, call())
    reading = read_row(row.atoms, row.pieces, *classify(row.images), -1e6)
    assert document["confidence"] == pytest.approx(reading.confidence)
