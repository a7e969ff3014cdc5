"""The bodies that peers get, what their applications make of them, and how answers are compared."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.drawn import draw_digit
from benchmarks.peers.apps.pictures import answer_of, images_in_base64, images_of
from benchmarks.peers.payloads import (
    BULK_PICTURES,
    SEVERAL_PNGS,
    Bodies,
    WrongAnswerError,
    compare,
    probabilities_of,
    write_bodies,
)
from service.images import read_picture


@pytest.fixture(scope="module")
def bodies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Bodies]:
    return write_bodies(tmp_path_factory.mktemp("bodies"))


@pytest.mark.parametrize("kind", ["png", "drawing", "several", "raw", "json"])
def test_an_application_finds_as_many_pictures_as_were_sent(bodies: dict[str, Bodies], kind: str) -> None:
    body = bodies["ours"][kind]
    images = images_of(body.path.read_bytes())
    assert images.shape == (body.pictures, 28, 28, 1)
    assert images.dtype == np.uint8


def test_every_way_shows_the_same_digits_in_order(bodies: dict[str, Bodies]) -> None:
    wanted = np.stack([draw_digit(number % 10) for number in range(BULK_PICTURES)])[..., np.newaxis]
    ours = bodies["ours"]
    np.testing.assert_array_equal(images_of(ours["raw"].path.read_bytes()), wanted)
    np.testing.assert_array_equal(images_of(ours["json"].path.read_bytes()), wanted)
    several = images_of(ours["several"].path.read_bytes())
    np.testing.assert_array_equal(several, wanted[:SEVERAL_PNGS])
    (sent,) = json.loads(bodies["v2"]["several"].path.read_bytes())["inputs"]
    np.testing.assert_array_equal(images_in_base64(sent["data"]), several)
    (sent,) = json.loads(bodies["v2"]["json"].path.read_bytes())["inputs"]
    np.testing.assert_array_equal(np.asarray(sent["data"], np.uint8).reshape(sent["shape"]), wanted)


def test_the_decoder_is_ours(bodies: dict[str, Bodies]) -> None:
    data = bodies["ours"]["drawing"].path.read_bytes()
    np.testing.assert_array_equal(images_of(data)[0], read_picture(data))


@pytest.mark.parametrize("body", [b"", b"x" * 785])
def test_bytes_that_are_not_whole_pictures_are_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="not whole pictures"):
        images_of(body)


def test_an_applications_answer_is_read_back() -> None:
    probabilities = np.asarray([[0.25, 0.75], [1.0, 0.0]], np.float32)
    answer = answer_of(probabilities, Path("models/cnn/3"))
    document = json.loads(answer)
    assert (document["model"], document["version"]) == ("cnn", 3)
    assert [prediction["digit"] for prediction in document["predictions"]] == [1, 0]
    np.testing.assert_array_equal(probabilities_of(answer), probabilities)


def test_an_answer_of_the_open_inference_protocol_is_read() -> None:
    answer = json.dumps({"outputs": [{"name": "probabilities", "shape": [2, 2], "data": [0.25, 0.75, 1, 0]}]})
    np.testing.assert_array_equal(probabilities_of(answer.encode()), [[0.25, 0.75], [1.0, 0.0]])


@pytest.mark.parametrize("answer", [b"", b"[]", b'{"predictions": [{}]}', b'{"outputs": []}', b'{"error": "x"}'])
def test_what_holds_no_probabilities_is_no_answer(answer: bytes) -> None:
    with pytest.raises(WrongAnswerError):
        probabilities_of(answer)


def test_answers_are_compared_picture_by_picture() -> None:
    right = np.asarray([[0.25, 0.75], [1.0, 0.0]], np.float32)
    compare(answer_of(right + np.float32(5e-5), Path("cnn/3")), right)
    with pytest.raises(WrongAnswerError, match="differ"):
        compare(answer_of(right[::-1], Path("cnn/3")), right)
    with pytest.raises(WrongAnswerError, match=r"shape \(1, 2\)"):
        compare(answer_of(right[:1], Path("cnn/3")), right)
    with pytest.raises(WrongAnswerError, match="nan"):
        compare(b'{"predictions": [{"probabilities": [NaN, 1]}, {"probabilities": [1, 0]}]}', right)
