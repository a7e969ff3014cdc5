"""`:classify`'s examples: features as in a tf.Example, or nested as in `:predict`, and a context that all share."""

from __future__ import annotations

import base64
from typing import Any

import orjson
import pytest

from service.errors import PayloadTooLargeError, ServiceError
from service.tfserving import examples, request
from tests.unit.service.tfserving.test_request import ENCODED, PICTURE, PICTURES, READ

FLAT = [1, 2, 3, 4, 5, 6]
CLASSIFY = "When method is classify, key 'examples' is expected and was not found"


def images(document: dict[str, Any]) -> Any:
    found = examples.parse(request.document(orjson.dumps(document)))
    return examples.images(found, PICTURES).tolist()


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"examples": [{"image": PICTURE}, {"images": PICTURE}]}, [PICTURE, PICTURE]),
        ({"examples": [{"image": PICTURE}]}, [PICTURE]),
        ({"examples": [{"image": FLAT, "other": [0.5]}]}, [PICTURE]),
        ({"examples": [{"image": ENCODED}, {"image": [ENCODED]}]}, [READ.tolist()] * 2),
        ({"examples": [{}, {"image": PICTURE}], "context": {"image": ENCODED}}, [READ.tolist(), PICTURE]),
        ({"examples": [{"image": PICTURE}], "context": {}}, [PICTURE]),
    ],
)
def test_examples_become_pictures(document: dict[str, Any], expected: Any) -> None:
    assert images(document) == expected


@pytest.mark.parametrize(
    ("document", "field", "message"),
    [
        ({}, None, CLASSIFY),
        ({"instances": [PICTURE]}, None, CLASSIFY),
        ({"examples": {"image": PICTURE}}, None, "Expecting 'examples' value to be an list/array"),
        ({"examples": []}, None, "'examples' value is an empty array"),
        ({"examples": [1]}, "examples[0]", "Example must be JSON object but got JSON Number"),
        ({"examples": [{}, "x"]}, "examples[1]", "Example must be JSON object but got JSON String"),
        ({"examples": [{}, True]}, "examples[1]", "Example must be JSON object but got JSON True"),
        ({"examples": [{}, None]}, "examples[1]", "Example must be JSON object but got JSON Null"),
        ({"examples": [{}, []]}, "examples[1]", "Example must be JSON object but got JSON Array"),
        ({"examples": [{}], "context": 1}, "context", "Example must be JSON object but got JSON Number"),
        (
            {"examples": [{"image": PICTURE}, {"picture": PICTURE}]},
            "examples[1]",
            "Feature: image (data type: uint8) is required but could not be found.",
        ),
        ({"examples": [{"image": [*FLAT[:5], 0.5]}]}, "examples[0].image[5]", "0.5 cannot be uint8 without loss"),
        ({"examples": [{"image": FLAT[:5]}]}, "examples[0].image", "has 5 elements; expected 2"),
        ({"examples": [{"images": {"b64": "!"}}]}, "examples[0].images", "is not Base64"),
        (
            {"examples": [{"image": {"b64": base64.b64encode(b"xyz").decode()}}]},
            "examples[0].image",
            "not a picture",
        ),
    ],
)
def test_examples_that_hold_no_picture_are_refused(document: dict[str, Any], field: str | None, message: str) -> None:
    with pytest.raises(ServiceError) as error:
        images(document)

    assert (error.value.field, error.value.message) == (field, message)


def test_more_examples_than_allowed_are_refused() -> None:
    with pytest.raises(PayloadTooLargeError):
        images({"examples": [{"image": PICTURE}] * 6})
