"""Tensors as the model takes them: conversions that lose nothing, and every way in which a tensor can be at fault."""

from __future__ import annotations

import base64
import struct
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_np

from service.catalogue import ModelVersion, Signature, TensorInfo
from service.errors import PayloadTooLargeError, ServiceError
from service.images.limits import PictureLimits
from service.observation import Observer
from service.oip.datatypes import NUMERIC, datatype_of, dtype_of
from service.oip.inputs import InputLimits, read_inputs
from service.oip.message import parse
from service.router import Target
from tests.unit.service import bodies
from tests.unit.service.oip.requests import LENGTH, Json, binary, blob, plain, tensor
from tests.unit.service.tiny_engine import PROBED

LIMITS = InputLimits(max_pictures=5, picture=PictureLimits(max_pixels=100_000))
INFO = {"uint8": "DT_UINT8", "int32": "DT_INT32", "int64": "DT_INT64", "float32": "DT_FLOAT"}
OBSERVER = Observer(PROBED)


def target(version: ModelVersion = PROBED, *, reads_pictures: bool = True) -> Target:
    return Target(version, version.input_shape, [], reads_pictures, OBSERVER, None)


def signature(dtype: str = "DT_UINT8", shape: tuple[int, ...] | None = (-1, 2), name: str = "a") -> Signature:
    return Signature({name: TensorInfo(f"{name}:0", dtype, shape)}, {}, "")


def read(body: bytes, of: Signature, headers: dict[str, str] | None = None) -> dict[str, npt.NDArray[Any]]:
    return read_inputs(parse(body, (headers or {}).get(LENGTH, "")), of, target(), LIMITS)


def fault(body: bytes, of: Signature, headers: dict[str, str] | None = None) -> tuple[str | None, str]:
    with pytest.raises(ServiceError) as caught:
        read(body, of, headers)
    return caught.value.field, caught.value.message


# --- numbers


@pytest.mark.parametrize("data", [[1, 2, 3, 4], [[1, 2], [3, 4]], [1.0, 2, 3.0, 4]])
def test_json_flat_or_nested_row_major(data: Any) -> None:
    found = read(plain(tensor("a", "UINT8", [2, 2], data)), signature())["a"]
    assert found.dtype == np.uint8
    assert found.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("wanted", INFO)
@pytest.mark.parametrize(
    ("form", "datatype"),
    [("binary", name) for name in NUMERIC] + [("json", name) for name in NUMERIC if name != "FP16"],
)
def test_every_datatype_that_holds_the_same_numbers(form: str, datatype: str, wanted: str) -> None:
    dtype = dtype_of(datatype)
    assert dtype is not None
    values = np.array([[1, 0], [0, 1]], dtype)
    if form == "binary":
        body, headers = binary(values.tobytes(), blob("a", datatype, [2, 2], values.nbytes))
    else:
        body, headers = plain(tensor("a", datatype, [2, 2], values.tolist())), {}
    found = read(body, signature(INFO[wanted]), headers)["a"]
    assert found.dtype == np.dtype(wanted)
    assert found.tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize(
    ("datatype", "model", "data", "message"),
    [
        ("INT32", "DT_UINT8", [1, 256], "256 cannot be uint8 without loss"),
        ("INT32", "DT_UINT8", [1, -1], "-1 cannot be uint8 without loss"),
        ("FP32", "DT_UINT8", [1, 0.5], "0.5 cannot be uint8 without loss"),
        ("FP64", "DT_FLOAT", [1, 0.1], "0.1 cannot be float32 without loss"),
        ("INT64", "DT_FLOAT", [1, 2**53], None),
        ("INT64", "DT_FLOAT", [1, 2**24 + 1], f"{2**24 + 1} cannot be float32 without loss"),
        ("UINT64", "DT_INT64", [1, 2**63], f"{2**63} is too large for the model"),
        ("UINT64", "DT_INT64", [1, 2**63 - 1], None),
        ("INT8", "DT_UINT8", [1, -1], "-1 cannot be uint8 without loss"),
        ("UINT32", "DT_INT32", [1, 2**31], f"{2**31} cannot be int32 without loss"),
        ("INT64", "DT_INT32", [1, 2**31], f"{2**31} cannot be int32 without loss"),
    ],
)
@pytest.mark.parametrize("form", ["binary", "json"])
def test_numbers_that_the_model_cannot_hold(
    form: str, datatype: str, model: str, data: list[Any], message: str | None
) -> None:
    values = np.array([data], dtype_of(datatype))
    if form == "binary":
        body, headers = binary(values.tobytes(), blob("a", datatype, [1, 2], values.nbytes))
    else:
        body, headers = plain(tensor("a", datatype, [1, 2], [data])), {}
    if message is None:
        assert read(body, signature(model), headers)["a"].tolist() == [data]
    else:
        assert fault(body, signature(model), headers) == ("a[0][1]", message)


def test_a_decimal_fraction_is_the_nearest_number_of_its_datatype() -> None:
    found = read(plain(tensor("a", "FP32", [1, 2], [0.1, 0.2])), signature("DT_FLOAT"))["a"]
    np.testing.assert_array_equal(found, np.array([[0.1, 0.2]], np.float32))


def test_numbers_that_their_own_datatype_cannot_hold() -> None:
    assert fault(plain(tensor("a", "INT8", [1, 2], [1, 200])), signature("DT_INT32")) == (
        "a[1]",
        "200 cannot be int8 without loss",
    )


@given(st_np.arrays(st.sampled_from(["uint8", "int32", "int64", "float32"]), st.tuples(st.integers(1, 5), st.just(2))))
def test_binary_data_of_the_models_own_dtype_are_used_where_they_lie(values: npt.NDArray[Any]) -> None:
    body, headers = binary(values.tobytes(), blob("a", datatype_of(values), values.shape, values.nbytes))
    found = read(body, signature(INFO[values.dtype.name]), headers)["a"]
    np.testing.assert_array_equal(found, values)
    assert np.shares_memory(found, np.frombuffer(body, np.uint8))


@given(
    st_np.arrays(st.sampled_from(["uint8", "int32", "int64"]), st.tuples(st.integers(1, 5), st.just(2))),
    st.sampled_from(["uint8", "int32", "int64", "float32"]),
)
def test_a_conversion_keeps_every_value_or_is_refused(values: npt.NDArray[Any], wanted: str) -> None:
    body, headers = binary(values.tobytes(), blob("a", datatype_of(values), values.shape, values.nbytes))
    if all(_holds(wanted, value) for value in values.ravel().tolist()):
        assert read(body, signature(INFO[wanted]), headers)["a"].tolist() == values.tolist()
    else:
        assert "without loss" in fault(body, signature(INFO[wanted]), headers)[1]


def _holds(dtype: str, value: int) -> bool:
    if dtype == "float32":
        return int(np.float32(value)) == value
    info = np.iinfo(dtype)
    return bool(info.min <= value <= info.max)


# --- tensors at fault

A = tensor("a", "UINT8", [1, 2], [1, 2])


@pytest.mark.parametrize(
    ("inputs", "of", "field", "message"),
    [
        ([], signature(), "a", "this input is missing"),
        ([A, {**A, "name": "b"}], signature(), "b", "the model has no such input; its inputs: a"),
        ([A], Signature({}, {}, ""), "a", "the model has no such input; its inputs: none"),
        ([{**A, "datatype": "BF16"}], signature(), "a", "datatype 'BF16' is not known here"),
        ([{**A, "datatype": "uint8"}], signature(), "a", "datatype 'uint8' is not known here"),
        ([{**A, "datatype": "FP16"}], signature(), "a", "FP16 has no form in JSON; send it as binary data"),
        ([{**A, "shape": [2]}], signature(), "a", "has shape [2]; expected [?,2]"),
        ([{**A, "shape": [2, 1]}], signature(), "a", "has shape [2,1]; expected [?,2]"),
        ([{**A, "shape": [1] * 99}], signature(), "a", "no tensor has 99 dimensions"),
        ([{**A, "shape": [-1, 2]}], signature(), "a", "no tensor has shape [-1, 2]"),
        ([{**A, "shape": [0, 2**60, 2**60]}], signature(shape=None), "a", "no tensor has shape [0, "),
        ([{**A, "shape": [0, 2], "data": []}], signature(), "a", "nothing in it"),
        ([{**A, "data": [1, 2, 3]}], signature(), "a", "data has shape [3]; expected [1,2], or 2 numbers in a row"),
        ([{**A, "data": [[1], [2]]}], signature(), "a", "data has shape [2,1]; expected [1,2], or 2 numbers in a row"),
        ([{**A, "data": [[1, 2], [3]]}], signature(), "a[1]", "has 1 elements; expected 2"),
        ([{**A, "data": 3}], signature(), "a", "data has shape []; expected [1,2], or 2 numbers in a row"),
        ([{**A, "data": [1, "2"]}], signature(), "a[1]", "a text is not a number"),
        ([{**A, "data": [1, True]}], signature(), "a[1]", "true is not a number"),
        ([{**A, "data": [1, None]}], signature(), "a[1]", "null is not a number"),
        ([{**A, "datatype": "BOOL"}], signature(), "a", "its elements are not all true or false"),
        ([{**A, "datatype": "BOOL", "data": [True, 1]}], signature(), "a", "its elements are not all true or false"),
        (
            [{**A, "datatype": "BOOL", "data": [[True], [True, False]]}],
            signature(),
            "a",
            "its elements are not all true or false",
        ),
        ([A], signature("DT_STRING"), "a", "the model takes DT_STRING here, which cannot be sent"),
        ([A], signature("DT_RESOURCE"), "a", "the model takes DT_RESOURCE here, which cannot be sent"),
        ([{**A, "datatype": "BYTES"}], signature(), "a", "BYTES are encoded pictures; this input takes UINT8"),
        (
            [{**A, "datatype": "BYTES"}],
            signature("DT_INT32"),
            "a",
            "BYTES are encoded pictures; this input takes INT32",
        ),
    ],
)
def test_a_tensor_at_fault(inputs: list[Json], of: Signature, field: str, message: str) -> None:
    found = fault(plain(*inputs), of)
    assert found[0] == field
    assert found[1].startswith(message)


def test_a_number_that_no_machine_holds() -> None:
    body = plain({**A, "data": "?"}).replace(b'"?"', b"[1,1e999]")
    assert fault(body, signature()) == (
        "a",
        "not JSON: number is infinity when parsed as double: line 1 column 4 (char 3)",
    )


def test_more_than_may_be_sent_at_once() -> None:
    with pytest.raises(PayloadTooLargeError) as caught:
        read(plain(tensor("a", "UINT8", [6, 2], [0] * 12)), signature())
    assert (caught.value.field, caught.value.message) == ("a", "6 at once; at most 5 may be sent")


@pytest.mark.parametrize(
    ("datatype", "size", "data", "message"),
    [
        ("UINT8", 3, b"123", "has 3 bytes; [1, 2] of UINT8 are 2"),
        ("INT32", 2, b"12", "has 2 bytes; [1, 2] of INT32 are 8"),
        ("BOOL", 2, b"\x01\x02", "a BOOL is a byte of value 0 or 1"),
    ],
)
def test_binary_data_at_fault(datatype: str, size: int, data: bytes, message: str) -> None:
    body, headers = binary(data, blob("a", datatype, [1, 2], size))
    assert fault(body, signature(), headers) == ("a", message)


# --- a body without a header


@pytest.mark.parametrize(
    ("shape", "dtype", "size", "expected"),
    [
        ((-1, 2), "DT_UINT8", 6, (3, 2)),
        ((-1, 2), "DT_INT32", 16, (2, 2)),
        ((2, -1), "DT_FLOAT", 24, (2, 3)),
        ((2, 3), "DT_INT64", 48, (2, 3)),
    ],
)
def test_a_bare_body(shape: tuple[int, ...], dtype: str, size: int, expected: tuple[int, ...]) -> None:
    body = bytes(range(size))
    found = read(body, signature(dtype, shape), {LENGTH: "0"})["a"]
    assert found.shape == expected
    assert found.tobytes() == body


@pytest.mark.parametrize(
    ("of", "size", "field", "message"),
    [
        (signature(), 3, "a", "[?,2] cannot be made of 3 bytes"),
        (signature(), 0, "a", "nothing in it"),
        (signature(shape=(2, 3)), 12, "a", "[2,3] cannot be made of 12 bytes"),
        (signature(shape=(0, -1)), 4, "a", "[0,?] cannot be made of 4 bytes"),
        (signature(shape=(-1, -1)), 4, "a", "the shape cannot be told from the number of bytes; send a header"),
        (signature(shape=None), 4, "a", "the shape cannot be told from the number of bytes; send a header"),
        (signature("DT_STRING"), 4, "a", "the shape cannot be told from the number of bytes; send a header"),
        (Signature({}, {}, ""), 4, "body", "a body without a header is for models with one input; this has 0"),
        (PROBED.signatures["saliency"], 4, "body", "a body without a header is for models with one input; this has 2"),
    ],
)
def test_a_bare_body_at_fault(of: Signature, size: int, field: str, message: str) -> None:
    assert fault(bytes(size), of, {LENGTH: "0"}) == (field, message)


# --- encoded pictures

IMAGES = PROBED.signatures["serving_default"]


def lengths_and(*elements: bytes) -> bytes:
    return b"".join(struct.pack("<I", len(element)) + element for element in elements)


@pytest.mark.parametrize("shape", [[2], [2, 1]])
@pytest.mark.parametrize("form", ["binary", "json"])
def test_pictures_are_prepared_as_for_a_prediction(form: str, shape: list[int]) -> None:
    digits = [bodies.digit(0), bodies.digit(1)]
    files = [bodies.png(digit) for digit in digits]
    if form == "binary":
        data = lengths_and(*files)
        body, headers = binary(data, blob("images", "BYTES", shape, len(data)))
    else:
        texts: Any = [base64.b64encode(file).decode() for file in files]
        body, headers = (
            plain(tensor("images", "BYTES", shape, texts if len(shape) == 1 else [[t] for t in texts])),
            {},
        )
    found = read(body, IMAGES, headers)["images"]
    assert found.flags.c_contiguous
    np.testing.assert_array_equal(found[..., 0], digits)


PNG = bodies.png(bodies.digit())
TEXT = base64.b64encode(PNG).decode()
BLANK = base64.b64encode(bodies.png(np.zeros((28, 28), np.uint8))).decode()


@pytest.mark.parametrize(
    ("shape", "data", "field", "message"),
    [
        ([2], [TEXT], "images", "holds 1 elements; its shape is of 2"),
        ([1], [TEXT, TEXT], "images", "holds 2 elements; its shape is of 1"),
        ([1], [3], "images[0]", "is no text"),
        ([1], [None], "images[0]", "is no text"),
        ([2], [TEXT, "%"], "images[1]", "is not Base64"),
        ([2], [TEXT, "aGVsbG8="], "images[1]", ""),
        ([2], [TEXT, BLANK], "images[1]", ""),
        ([2, 2], [TEXT] * 4, "images", "encoded pictures have shape [N] or [N,1], not [2,2]"),
        ([], TEXT, "images", "encoded pictures have shape [N] or [N,1], not []"),
        ([6], [TEXT] * 6, "images", "6 at once; at most 5 may be sent"),
        ([0], [], "images", "nothing in it"),
    ],
)
def test_pictures_at_fault(shape: list[int], data: Any, field: str, message: str) -> None:
    found = fault(plain(tensor("images", "BYTES", shape, data)), IMAGES)
    assert found[0] == field
    assert found[1].startswith(message)


@pytest.mark.parametrize(
    ("data", "count", "field", "message"),
    [
        (lengths_and(PNG), 2, "images", "holds 1 elements; its shape is of 2"),
        (lengths_and(PNG) + b"xy", 1, "images", "2 bytes behind its 1 elements"),
        (lengths_and(PNG) + b"xy", 2, "images[1]", "ends within a length"),
        (b"\x09\x00\x00\x00abc", 1, "images[0]", "states 9 bytes; 3 are left"),
        (lengths_and(PNG, b""), 2, "images[1]", ""),
    ],
)
def test_binary_pictures_at_fault(data: bytes, count: int, field: str, message: str) -> None:
    body, headers = binary(data, blob("images", "BYTES", [count], len(data)))
    found = fault(body, IMAGES, headers)
    assert found[0] == field
    assert found[1].startswith(message)


def test_a_model_that_takes_arrays_only() -> None:
    sent = parse(plain(tensor("images", "BYTES", [1], [TEXT])), "")
    with pytest.raises(ServiceError, match="cnn/1 takes arrays only") as caught:
        read_inputs(sent, IMAGES, target(reads_pictures=False), LIMITS)
    assert caught.value.field == "images[0]"
