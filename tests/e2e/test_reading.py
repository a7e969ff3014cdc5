"""Rows of seven-segment digits, read by the toy model over real HTTP."""

from __future__ import annotations

import io

import httpx
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from tests.e2e.service_process import MODEL, VERSION
from tests.reference import Reference
from tests.rows import Kind, compose

pytestmark = pytest.mark.slow

LENGTHS = range(1, 9)


def png(picture: npt.NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()


def read(client: httpx.Client, picture: npt.NDArray[np.uint8], **query: int) -> httpx.Response:
    return client.post("/read", params=query, content=png(picture), headers={"Content-Type": "image/png"})


@pytest.mark.parametrize("kind", ["separated", "ruled", "boxed"])
def test_rows_of_every_length(kind: Kind, client: httpx.Client, reference: Reference) -> None:
    right = 0
    for length in LENGTHS:
        which = np.random.default_rng(length).integers(0, len(reference.images), length)
        composed = compose(reference.images[which, ..., 0], kind, length)
        response = read(client, composed.picture, digits=length)
        assert response.status_code == 200, response.text
        document = response.json()
        assert (document["model"], document["version"]) == (MODEL, VERSION)
        assert (document["height"], document["width"]) == composed.picture.shape
        right += document["text"] == "".join(map(str, reference.labels[which]))
        lefts = [digit["box"]["x"] for digit in document["digits"]]
        assert lefts == sorted(lefts)
    assert right >= len(LENGTHS) - 2


def test_a_blank_picture(client: httpx.Client) -> None:
    response = read(client, np.full((80, 300), 230, np.uint8))
    assert response.status_code == 422
    assert response.json()["error"]["type"] == "blank_picture"


def test_a_get_is_not_allowed(client: httpx.Client) -> None:
    assert client.get("/read").status_code == 405
