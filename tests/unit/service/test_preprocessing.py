"""What preparation did to a picture, as JSON and as one PNG."""

from __future__ import annotations

import base64
import threading
from typing import Any

import cv2
import numpy as np
import orjson
import pytest

from service import images
from service.images import read_picture
from tests.unit.service import bodies
from tests.unit.service.site import Answer, Site

PHOTO = np.full((120, 90), 230, np.uint8)
cv2.line(PHOTO, (50, 20), (40, 100), 40, 8)
PNG = bodies.png(PHOTO)
PATH = "/models/cnn/preprocess"


def opened(data: bytes) -> np.ndarray:
    return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED))


def test_the_last_step_is_what_the_model_would_see(site: Site) -> None:
    document = orjson.loads(site.over_flask(PATH, PNG).body)
    image = np.array(document["image"], np.uint8)
    assert np.array_equal(image, read_picture(PNG)[..., 0])
    assert (document["model"], document["version"]) == ("cnn", 1)
    assert (document["width"], document["height"]) == (90, 120)
    last = document["steps"][-1]
    assert (last["name"], last["width"], last["height"]) == ("centred", 28, 28)
    assert np.array_equal(opened(base64.b64decode(last["png"])), image)
    assert document["quality"]["polarity"] == "dark_on_light"
    left, top, width, height = document["quality"]["ink_box"]
    assert 30 < left < 50
    assert 50 < left + width < 60
    assert 10 < top < 20
    assert 100 < top + height < 110


@pytest.mark.parametrize("query", ["", "?format=png"])
def test_reading_it_is_work_for_the_threads_that_stand_back(
    site: Site, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    seen: list[str] = []

    def trace_for(*arguments: Any) -> Any:
        seen.append(threading.current_thread().name)
        return images.trace_for(*arguments)

    monkeypatch.setattr("service.routes.preparation.trace_for", trace_for)
    assert site.over_flask(PATH + query, PNG).status == 200
    assert [name.startswith("heavy") for name in seen] == [True]


def test_all_steps_in_one_png(site: Site) -> None:
    steps = orjson.loads(site.over_flask(PATH, PNG).body)["steps"]
    for answer in (
        site.over_flask(f"{PATH}?format=png", PNG),
        site.over_flask(PATH, PNG, accept="image/png"),
        site.over_lane(PATH, PNG, accept="image/png"),
    ):
        assert (answer.status, answer.headers["content-type"]) == (200, "image/png")
        sheet = opened(answer.body)
        rows, columns = -(-len(steps) // 5), 5
        assert sheet.shape[0] % rows == sheet.shape[1] % columns == 0
        tile = sheet[:204, : sheet.shape[1] // columns]
        assert (tile < 100).any()  # the stroke as it was sent


def test_a_picture_that_is_ready_is_left_alone_and_said_to_be(site: Site) -> None:
    document = orjson.loads(site.over_flask(PATH, bodies.png(bodies.digit())).body)
    assert document["quality"]["canonical"] is True
    assert document["quality"]["warnings"] == {}
    assert np.array_equal(np.array(document["image"], np.uint8), bodies.digit())


def error(answer: Answer) -> tuple[int, str]:
    return answer.status, orjson.loads(answer.body)["error"]["type"]


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        (PATH, b"no picture", (400, "undecodable_picture")),
        (PATH, bodies.png(np.full((28, 28), 255, np.uint8)), (422, "blank_picture")),
        (f"{PATH}?format=gif", PNG, (400, "invalid_parameter")),
        ("/models/arrays/preprocess", PNG, (415, "unsupported_media_type")),
        ("/models/nobody/preprocess", PNG, (404, "unknown_model")),
        ("/models/cnn/versions/7/preprocess", PNG, (404, "unknown_version")),
        ("/models/cnn/versions/one/preprocess", PNG, (404, "unknown_version")),
    ],
)
def test_what_cannot_be_shown(site: Site, path: str, body: bytes, expected: tuple[int, str]) -> None:
    assert error(site.over_flask(path, body)) == expected


def test_a_version_by_its_number(site: Site) -> None:
    assert orjson.loads(site.over_flask("/models/cnn/versions/1/preprocess", PNG).body)["version"] == 1
