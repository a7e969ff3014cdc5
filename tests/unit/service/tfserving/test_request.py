"""What is asked: row and column form, bare and by name, numbers and pictures; and every way of getting it wrong."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from service.catalogue import Signature, TensorInfo
from service.errors import PayloadTooLargeError, ServiceError, UndecodablePictureError
from service.tfserving import request
from service.tfserving.request import PredictRequest

SHAPE = (2, 3, 1)
IMAGES = TensorInfo("images:0", "DT_UINT8", (-1, *SHAPE))
CLASSES = TensorInfo("classes:0", "DT_INT32", (-1,))
ONE = Signature({"images": IMAGES}, {}, "")
TWO = Signature({"images": IMAGES, "classes": CLASSES}, {}, "")
NONE = Signature({}, {}, "")
SCALAR = Signature({"step": TensorInfo("step:0", "DT_FLOAT", ()), "any": TensorInfo("any:0", "DT_INT64", None)}, {}, "")

PICTURE = [[[1], [2], [3]], [[4], [5], [6]]]
ENCODED = {"b64": base64.b64encode(b"\x09").decode()}
READ = np.full(SHAPE, 9, np.uint8)


def read(data: bytes, place: str) -> npt.NDArray[np.uint8]:
    """A picture as bytes: one byte, the value of all its pixels."""
    if len(data) != 1:
        raise UndecodablePictureError("not a picture", field=place)
    return np.full(SHAPE, data[0], np.uint8)


PICTURES = request.Pictures(SHAPE, read, max_pictures=5)


def tensors(document: Any, signature: Signature) -> dict[str, npt.NDArray[Any]]:
    return request.tensors(request.parse(orjson.dumps(document)), signature, PICTURES)


@pytest.mark.parametrize(
    ("document", "signature", "expected"),
    [
        ({"instances": [PICTURE]}, ONE, {"images": [PICTURE]}),
        ({"instances": [{"images": PICTURE}, {"images": PICTURE}]}, ONE, {"images": [PICTURE, PICTURE]}),
        ({"instances": [ENCODED]}, ONE, {"images": [READ.tolist()]}),
        ({"instances": [PICTURE, ENCODED]}, ONE, {"images": [PICTURE, READ.tolist()]}),
        ({"instances": [{"images": ENCODED}]}, ONE, {"images": [READ.tolist()]}),
        ({"inputs": [PICTURE]}, ONE, {"images": [PICTURE]}),
        ({"inputs": {"images": [PICTURE]}}, ONE, {"images": [PICTURE]}),
        ({"inputs": [ENCODED, PICTURE]}, ONE, {"images": [READ.tolist(), PICTURE]}),
        ({"inputs": {"images": [ENCODED], "what": "ever"}}, ONE, {"images": [READ.tolist()]}),
        (
            {"instances": [{"images": PICTURE, "classes": 3}, {"classes": 4, "images": ENCODED}]},
            TWO,
            {"images": [PICTURE, READ.tolist()], "classes": [3, 4]},
        ),
        ({"inputs": {"images": [PICTURE], "classes": [3]}}, TWO, {"images": [PICTURE], "classes": [3]}),
        ({"inputs": {}}, NONE, {}),
        ({"inputs": {"step": 0.5, "any": [[1], [2]]}}, SCALAR, {"step": 0.5, "any": [[1], [2]]}),
    ],
)
def test_a_request_becomes_arrays(document: Any, signature: Signature, expected: dict[str, Any]) -> None:
    found = tensors(document, signature)

    assert {name: array.tolist() for name, array in found.items()} == expected
    names = {"DT_UINT8": np.uint8, "DT_INT32": np.int32, "DT_INT64": np.int64, "DT_FLOAT": np.float32}
    assert all(found[name].dtype == names[info.dtype] for name, info in signature.inputs.items())


@given(st.integers(1, 5).flatmap(lambda n: arrays.arrays("uint8", (n, *SHAPE))), st.data())
def test_all_forms_mean_the_same(images: npt.NDArray[np.uint8], data: st.DataObject) -> None:
    classes = data.draw(arrays.arrays("int32", len(images)))
    rows = [{"images": i, "classes": c} for i, c in zip(images.tolist(), classes.tolist(), strict=True)]

    for document in ({"instances": rows}, {"inputs": {"images": images.tolist(), "classes": classes.tolist()}}):
        found = tensors(document, TWO)
        assert np.array_equal(found["images"], images)
        assert np.array_equal(found["classes"], classes)
    for one in (
        {"instances": images.tolist()},
        {"inputs": images.tolist()},
        {"inputs": {"images": images.tolist()}},
        {"instances": [{"images": image} for image in images.tolist()]},
    ):
        assert np.array_equal(tensors(one, ONE)["images"], images)


@pytest.mark.parametrize(
    ("name", "expected"), [(None, "serving_default"), ("", "serving_default"), ("saliency", "saliency")]
)
def test_a_signature_may_be_named(name: str | None, expected: str) -> None:
    document = {"inputs": 1} if name is None else {"inputs": 1, "signature_name": name}

    assert request.parse(orjson.dumps(document)) == PredictRequest(expected, "column", 1)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("", "JSON Parse error: The document is empty"),
        (
            "instances = [1, 2]",
            "JSON Parse error: unexpected character, expected a JSON value: line 1 column 1 (char 0)",
        ),
        (
            '{"instances": [NaN]}',
            "JSON Parse error: unexpected character, expected a JSON value: line 1 column 16 (char 15)",
        ),
        ("[1]", "JSON Value: Is not object"),
        ('"instances"', "JSON Value: Is not object"),
        ("{}", "Missing 'inputs' or 'instances' key"),
        (
            '{"instances": [1], "inputs": [1]}',
            "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist",
        ),
        ('{"instances": 1}', "Expecting 'instances' to be an list/array"),
        ('{"instances": {"b64": "AA=="}}', "Expecting 'instances' to be an list/array"),
        ('{"instances": []}', "No values in 'instances' array"),
        ('{"signature_name": 7, "inputs": 1}', "'signature_name' key must be a string value."),
    ],
)
def test_a_request_of_another_form_is_refused(body: str, message: str) -> None:
    with pytest.raises(ServiceError) as error:
        request.parse(body.encode())

    assert (error.value.type, error.value.field) == ("malformed_request", None)
    assert error.value.message == message


PLAIN = "is a plain {}, but expecting {} as multiple input tensors required as per tensorinfo_map"


@pytest.mark.parametrize(
    ("document", "signature", "field", "message"),
    [
        ({"instances": [PICTURE]}, TWO, None, f"instances {PLAIN.format('list', 'list of objects')}"),
        ({"inputs": [PICTURE]}, TWO, None, f"inputs {PLAIN.format('value/list', 'an object')}"),
        (
            {"instances": [PICTURE, {"images": PICTURE}]},
            ONE,
            None,
            "Expecting value/list but got object at item 1 of input list",
        ),
        (
            {"instances": [{"images": PICTURE}, PICTURE]},
            ONE,
            None,
            "Expecting object but got list at item 1 of input list",
        ),
        (
            {"instances": [{"images": PICTURE, "classes": 1}, {"images": PICTURE}]},
            TWO,
            "instances[1]",
            "Failed to process element: 1 of 'instances' list. JSON object: keys must be equal to: classes,images",
        ),
        (
            {"instances": [{"image": PICTURE}]},
            ONE,
            "instances[0]",
            "Failed to process element: 0 of 'instances' list. JSON object: keys must be equal to: images",
        ),
        ({"inputs": {"images": [PICTURE]}}, TWO, None, "Missing named input: classes in 'inputs' object."),
        (
            {"instances": [1]},
            NONE,
            None,
            "Failed to get input map for signature: serving_default; it takes none, so send {\"inputs\": {}}",
        ),
        ({"inputs": 1}, NONE, None, 'serving_default takes no inputs; send {"inputs": {}}'),
        ({"instances": [PICTURE, [[[1], [2], [256]], [[4], [5], [6]]]]}, ONE, "instances[1][0][2][0]", "256 cannot be uint8 without loss"),
        ({"instances": [PICTURE, PICTURE[:1]]}, ONE, "instances[1]", "has 1 elements; expected 2"),
        ({"instances": [PICTURE[:1], PICTURE]}, ONE, "instances[0]", "has 1 elements; expected 2"),
        ({"instances": [PICTURE, ENCODED, PICTURE[:1]]}, ONE, "instances[2]", "has 1 elements; expected 2"),
        ({"instances": PICTURE}, ONE, "instances", "has shape [2,3,1]; expected [?,2,3,1]"),
        ({"instances": [PICTURE, {"b64": "AAAA"}]}, ONE, "instances[1]", "not a picture"),
        ({"instances": [{"b64": "!"}]}, ONE, "instances[0]", "is not Base64"),
        ({"instances": [{"b64": 7}]}, ONE, "instances[0]", "Failed to process element: 0 of 'instances' list. JSON object: keys must be equal to: images"),
        ({"inputs": [PICTURE, "7"]}, ONE, "inputs[1]", "is none where others are a list"),
        ({"inputs": {"images": [{"b64": "!"}]}}, ONE, "inputs.images[0]", "is not Base64"),
        ({"inputs": {"images": ENCODED}}, ONE, "inputs.images", 'one picture stands in a list: [{"b64": …}]'),
        ({"inputs": ENCODED}, ONE, "inputs", 'one picture stands in a list: [{"b64": …}]'),
        ({"instances": [{"images": {"b64": "!"}, "classes": 1}]}, TWO, "instances[0].images", "is not Base64"),
        (
            {"instances": [{"images": PICTURE, "classes": 1}, {"images": PICTURE, "classes": 1.5}]},
            TWO,
            "instances[1].classes",
            "1.5 cannot be int32 without loss",
        ),
        ({"instances": [{"images": PICTURE, "classes": ENCODED}]}, TWO, "instances[0].classes", "an object is not a number"),
        ({"inputs": {"images": [PICTURE], "classes": [1, 2]}}, TWO, "inputs.classes", "has 2 elements; others have 1"),
        ({"inputs": {"images": [PICTURE], "classes": 1}}, TWO, "inputs.classes", "has shape []; expected [?]"),
        ({"inputs": {"step": [1], "any": 1}}, SCALAR, "inputs.step", "has shape [1]; expected []"),
        ({"inputs": {"images": []}}, ONE, "inputs.images", "has shape [0]; expected [?,2,3,1]"),
        (
            {"inputs": ["x"]},
            Signature({"text": TensorInfo("text:0", "DT_STRING", (-1,))}, {}, ""),
            "inputs",
            "the model takes DT_STRING here, which cannot be sent",
        ),
    ],
)  # fmt: skip
def test_arrays_that_a_signature_does_not_take_are_refused(
    document: Any, signature: Signature, field: str | None, message: str
) -> None:
    with pytest.raises(ServiceError) as error:
        tensors(document, signature)

    assert (error.value.field, error.value.message) == (field, message)


def test_an_empty_batch_is_refused() -> None:
    numbers = Signature({"x": TensorInfo("x:0", "DT_FLOAT", (-1,))}, {}, "")

    with pytest.raises(ServiceError, match="nothing in it"):
        tensors({"inputs": {"x": []}}, numbers)


@pytest.mark.parametrize(
    "document",
    [
        {"instances": [PICTURE] * 6},
        {"instances": [ENCODED] * 6},
        {"instances": [{"images": PICTURE}] * 6},
        {"inputs": [PICTURE] * 6},
        {"inputs": [ENCODED] * 6},
    ],
)
def test_more_pictures_than_allowed_are_refused(document: Any) -> None:
    with pytest.raises(PayloadTooLargeError) as error:
        tensors(document, ONE)

    assert error.value.message == "6 pictures; at most 5 may be sent at once"
