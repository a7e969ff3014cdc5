"""Arrays as answers: JSON, binary data behind it, and best classes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_np

from service.oip.answer import answer
from service.oip.classification import best_classes
from service.oip.datatypes import datatype_of
from service.oip.message import InferenceRequest, Wish
from tests.unit.service.oip.requests import unpacked
from tests.unit.service.tiny_engine import PROBED


def request(*wishes: Wish, id: str | int = "", binary: bool = False) -> InferenceRequest:  # noqa: A002
    return InferenceRequest(id, "serving_default", None, (), wishes, binary)


def answered(sent: InferenceRequest, **outputs: npt.NDArray[Any]) -> tuple[Any, dict[str, bytes]]:
    reply = answer(sent, PROBED, outputs, {"scores": [*"abc"]})
    headers = {name.lower(): value for name, value in reply.headers.items()}
    assert reply.status == 200
    assert reply.content_type == ("application/octet-stream" if headers else "application/json")
    return unpacked(reply.body, headers)


SCORES = np.array([[0.5, 0.25, 0.25], [0, 1, 0]], np.float32)


def test_all_outputs_in_json_unless_something_else_is_wished() -> None:
    document, blobs = answered(request(id="x"), scores=SCORES, energy=np.array([1, 2], np.float32))
    assert document == {
        "id": "x",
        "model_name": "cnn",
        "model_version": "1",
        "outputs": [
            {"name": "scores", "datatype": "FP32", "shape": [2, 3], "data": [0.5, 0.25, 0.25, 0, 1, 0]},
            {"name": "energy", "datatype": "FP32", "shape": [2], "data": [1, 2]},
        ],
    }
    assert blobs == {}


def test_the_outputs_wished_for_in_that_order_each_in_its_form() -> None:
    sent = request(Wish("b", True, 0), Wish("scores", False, 2), Wish("a", False, 0), Wish("scores2", True, 1))
    document, blobs = answered(
        sent, a=np.array(7), b=np.array([[1, 2]], np.int64), c=np.array([3]), scores=SCORES, scores2=SCORES
    )
    assert document["outputs"] == [
        {"name": "b", "datatype": "INT64", "shape": [1, 2], "parameters": {"binary_data_size": 16}},
        {
            "name": "scores",
            "datatype": "BYTES",
            "shape": [2, 2],
            "data": ["0.500000:0:a", "0.250000:1:b", "1.000000:1:b", "0.000000:0:a"],
        },
        {"name": "a", "datatype": "INT64", "shape": [], "data": [7]},
        {"name": "scores2", "datatype": "BYTES", "shape": [2, 1], "parameters": {"binary_data_size": 28}},
    ]
    assert blobs["b"] == np.array([1, 2], "<i8").tobytes()
    assert blobs["scores2"] == b"\x0a\0\0\x000.500000:0\x0a\0\0\x001.000000:1"


@pytest.mark.parametrize("value", [0, 17])
def test_an_id_that_is_a_number_is_no_missing_one(value: int) -> None:
    assert answered(request(id=value))[0]["id"] == value


def test_what_json_cannot_say_is_null_there_and_itself_in_binary_data() -> None:
    values = np.array([np.nan, np.inf, 1], np.float32)
    assert answered(request(), a=values)[0]["outputs"][0]["data"] == [None, None, 1]
    assert answered(request(binary=True), a=values)[1]["a"] == values.tobytes()


DTYPES = st.sampled_from(
    ["bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "float16", "float32", "float64"]
)
ARRAYS = DTYPES.flatmap(
    lambda dtype: st_np.arrays(
        dtype,
        st_np.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
        elements={"allow_nan": False, "allow_infinity": False} if dtype.startswith("float") else None,
    )
)


@given(ARRAYS, st.booleans())
def test_every_array_can_be_read_back(values: npt.NDArray[Any], in_columns: bool) -> None:
    if in_columns:
        values = np.asfortranarray(values)
    document, blobs = answered(request(Wish("a", True, 0), Wish("b", False, 0)), a=values, b=values)
    binary, in_json = document["outputs"]
    assert binary["datatype"] == in_json["datatype"] == datatype_of(values)
    read = np.frombuffer(blobs["a"], values.dtype.newbyteorder("<")).reshape(binary["shape"])
    np.testing.assert_array_equal(read, values)
    np.testing.assert_array_equal(np.array(in_json["data"], values.dtype).reshape(in_json["shape"]), values)


@pytest.mark.parametrize(
    ("values", "count", "labels", "expected"),
    [
        ([[0.25, 0.5, 0.25]], 3, (), [["0.500000:1", "0.250000:0", "0.250000:2"]]),
        ([[0.25, 0.5, 0.25]], 9, (), [["0.500000:1", "0.250000:0", "0.250000:2"]]),
        ([[1, 10, 4]], 2, ["kiwi", "apple", "pickle"], [["10:1:apple", "4:2:pickle"]]),
        ([[True, False]], 1, (), [["1:0"]]),
        ([3.5, -2.0], 2, (), [["3.500000:0"], ["-2.000000:0"]]),
        ([[[1, 2], [4, 3]]], 2, (), [["4:2", "3:3"]]),
        (7, 1, (), [["7:0"]]),
    ],
)
def test_best_classes(values: Any, count: int, labels: Any, expected: list[list[str]]) -> None:
    assert best_classes(np.array(values), count, labels).tolist() == expected


@given(st_np.arrays("int16", st.tuples(st.integers(1, 3), st.integers(1, 6))), st.integers(1, 7))
def test_best_classes_are_the_highest_in_order(values: npt.NDArray[Any], count: int) -> None:
    found = best_classes(values, count, ())
    for row, texts in zip(values.tolist(), found.tolist(), strict=True):
        expected = sorted(range(len(row)), key=lambda i: (-row[i], i))[:count]
        assert texts == [f"{row[i]}:{i}" for i in expected]


def test_a_number_is_json_that_others_read() -> None:
    reply = answer(request(), PROBED, {"a": np.array([0.1], np.float32)}, {})
    assert b'"data":[0.1]' in reply.body
    assert orjson.loads(reply.body)["outputs"][0]["data"] == [0.1]
