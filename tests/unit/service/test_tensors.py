"""Numbers and pictures → arrays of the wanted dtype: nothing lost, and the place at fault named."""

from __future__ import annotations

import base64
import io
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from service.dense_json import Dense
from service.errors import MalformedRequestError, ServiceError, UnsupportedMediaTypeError, WrongShapeError
from service.images.limits import DEFAULT_LIMITS
from service.observation import Observer
from service.router import Target
from service.tensors import as_dtype, check_shape, from_base64, from_json, place, read_encoded
from tests.unit.service.tiny_engine import CNN

DTYPES = ("uint8", "int32", "int64", "float32")


def says(error: pytest.ExceptionInfo[ServiceError]) -> tuple[str | None, str]:
    return error.value.field, error.value.message


@given(st.sampled_from(DTYPES), st.data())
def test_nested_json_gives_back_the_array_it_came_from(dtype: str, data: st.DataObject) -> None:
    elements = {"allow_nan": False, "allow_infinity": False} if dtype == "float32" else None
    array = data.draw(arrays.arrays(dtype, arrays.array_shapes(min_dims=0, max_dims=4), elements=elements))

    found = from_json(array.tolist(), dtype, "x", array.shape)

    assert found.dtype == dtype
    assert found.shape == array.shape
    assert np.array_equal(found, array)
    assert found.flags.c_contiguous


@given(st.data())
def test_a_dense_array_is_taken_as_its_lists_are(data: st.DataObject) -> None:
    dtype = data.draw(st.sampled_from(DTYPES))
    array = data.draw(
        arrays.arrays(object, (2, 3), elements=st.one_of(st.integers(-(2**63), 2**64), st.floats(-1e40, 1e40)))
    )

    outcomes: list[Any] = []
    for value in (array.tolist(), Dense(array.ravel().tolist(), (2, 3))):
        try:
            outcomes.append(from_json(value, dtype, "x").tolist())
        except ServiceError as error:
            outcomes.append((type(error), error.field, error.message))

    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([Dense([1, 2], (1, 2)), Dense([3, 4], (1, 2))], [[[1, 2]], [[3, 4]]]),
        ([Dense([1, 2], (2,)), [3, 4]], [[1, 2], [3, 4]]),
    ],
)
def test_dense_arrays_in_a_list_are_one_array(items: list[Any], expected: list[Any]) -> None:
    assert from_json(items, "uint8", "x").tolist() == expected


def test_the_one_of_another_shape_is_named_in_a_list_of_dense_arrays_too() -> None:
    with pytest.raises(WrongShapeError) as error:
        from_json([Dense([1, 2], (2,)), Dense([3], (1,))], "uint8", "x")

    assert says(error) == ("x[1]", "has 1 elements; expected 2")


@given(st.sampled_from(DTYPES), st.sampled_from(DTYPES), st.data())
def test_a_typed_array_is_converted_if_nothing_is_lost_and_refused_otherwise(
    dtype: str, wanted: str, data: st.DataObject
) -> None:
    array = data.draw(arrays.arrays(dtype, (3,)))
    exact = [_exactly(value, wanted) for value in array.tolist()]

    if all(exact):
        found = as_dtype(array, wanted, "x")
        assert found.dtype == wanted
        assert np.array_equal(found.astype(np.float64), array.astype(np.float64), equal_nan=True)
    else:
        with pytest.raises(WrongShapeError) as error:
            as_dtype(array, wanted, "x")
        assert error.value.field == f"x[{exact.index(False)}]"


def _exactly(value: float, dtype: str) -> bool:
    """Whether `dtype` holds a value; by Python's exact arithmetic."""
    if dtype == "float32":
        return not math.isfinite(value) or np.float32(value).item() == value
    limits = np.iinfo(dtype)
    return math.isfinite(value) and value == int(value) and limits.min <= int(value) <= limits.max


@pytest.mark.parametrize(
    ("nested", "dtype", "expected"),
    [
        ([[1, 2.0], [3, 255]], "uint8", [[1, 2], [3, 255]]),
        ([5.0], "int32", [5]),
        ([9007199254740993, 1.0], "int64", [9007199254740993, 1]),
        ([-1, 2**31 - 1], "int32", [-1, 2**31 - 1]),
        ([0.1, 1, -1e-45], "float32", np.array([0.1, 1, -1e-45], np.float32).tolist()),
        ([2**24, 2**25], "float32", [2.0**24, 2.0**25]),
        (7, "int32", 7),
        ([], "float32", []),
        ([[], []], "uint8", [[], []]),
    ],
)
def test_a_number_may_be_written_in_several_ways(nested: Any, dtype: str, expected: Any) -> None:
    assert from_json(nested, dtype, "x").tolist() == expected


@pytest.mark.parametrize(
    ("nested", "dtype", "field", "message"),
    [
        ([[0, 1], [2, 256]], "uint8", "x[1][1]", "256 cannot be uint8 without loss"),
        ([-1], "uint8", "x[0]", "-1 cannot be uint8 without loss"),
        ([0.5], "uint8", "x[0]", "0.5 cannot be uint8 without loss"),
        ([1, 2.5], "int32", "x[1]", "2.5 cannot be int32 without loss"),
        ([2**31], "int32", "x[0]", "2147483648 cannot be int32 without loss"),
        ([2**63], "int64", "x[0]", "9223372036854775808 cannot be int64 without loss"),
        ([1e19], "int64", "x[0]", "1e+19 cannot be int64 without loss"),
        ([2**63, 1.5], "int64", "x[0]", "9223372036854775808 cannot be int64 without loss"),
        ([0, 2**24 + 1], "float32", "x[1]", "16777217 cannot be float32 without loss"),
        ([1e39], "float32", "x[0]", "1e+39 cannot be float32 without loss"),
        ([[1], [2, 3]], "uint8", "x[1]", "has 2 elements; expected 1"),
        ([[1], 2], "uint8", "x[1]", "is none where others are a list"),
        ([1, [2]], "uint8", "x[1]", "is a list where others are none"),
        ([[[1], [2]], [[3], 4]], "uint8", "x[1][1]", "is none where others are a list"),
        (["7"], "uint8", "x[0]", "a text is not a number"),
        ([True], "uint8", "x[0]", "true is not a number"),
        ([0, None], "float32", "x[1]", "null is not a number"),
        ([{"b64": ""}], "int32", "x[0]", "an object is not a number"),
        ("text", "int32", "x", "a text is not a number"),
    ],
)
def test_what_does_not_fit_is_named_by_its_place(nested: Any, dtype: str, field: str, message: str) -> None:
    with pytest.raises((WrongShapeError, MalformedRequestError)) as error:
        from_json(nested, dtype, "x")

    assert says(error) == (field, message)


@pytest.mark.parametrize(
    ("nested", "field", "message"),
    [
        ([[1, 2]], "x[0]", "has 2 elements; expected 3"),
        ([[1, 2, 3], [1, 2]], "x[1]", "has 2 elements; expected 3"),
        ([1, 2, 3], "x", "has shape [3]; expected [?,3]"),
        ([[[1], [2], [3]]], "x", "has shape [1,3,1]; expected [?,3]"),
        (Dense([1, 2], (1, 2)), "x", "has shape [1,2]; expected [?,3]"),
        (1, "x", "has shape []; expected [?,3]"),
    ],
)
def test_another_shape_than_the_wanted_one_is_refused(nested: Any, field: str, message: str) -> None:
    with pytest.raises(WrongShapeError) as error:
        from_json(nested, "uint8", "x", (-1, 3))

    assert says(error) == (field, message)


def test_any_shape_will_do_where_none_is_known() -> None:
    check_shape((1, 2, 3), None, "x")
    check_shape((5, 3), (-1, 3), "x")


def test_lists_in_lists_without_end_are_refused() -> None:
    nested: Any = 1
    for _ in range(40):
        nested = [nested]

    with pytest.raises(WrongShapeError, match="more than 16 deep"):
        from_json(nested, "uint8", "x")


def test_an_array_of_anything_but_numbers_is_refused() -> None:
    with pytest.raises(MalformedRequestError, match="not numbers"):
        as_dtype(np.array(["7"]), "uint8", "x")


def test_an_array_that_fits_is_not_copied() -> None:
    array = np.zeros(3, np.uint8)

    assert as_dtype(array, "uint8", "x") is array


@pytest.mark.parametrize(("index", "expected"), [(0, "x[0][0][0]"), (5, "x[0][1][2]"), (23, "x[1][3][2]")])
def test_a_place_is_counted_row_by_row(index: int, expected: str) -> None:
    assert place("x", index, (2, 4, 3)) == expected


@given(st.binary(max_size=40), st.booleans())
def test_base64_is_read_with_and_without_padding_and_line_breaks(data: bytes, padded: bool) -> None:
    text = base64.encodebytes(data).decode()

    assert from_base64(text if padded else text.strip("=\n"), "x") == data


@pytest.mark.parametrize("text", ["A", "!!!!", "AA-_", "é"])
def test_what_is_no_base64_is_refused(text: str) -> None:
    with pytest.raises(MalformedRequestError) as error:
        from_base64(text, "instances[2]")

    assert says(error) == ("instances[2]", "is not Base64")


def target(*, reads_pictures: bool) -> Target:
    return Target(CNN, (28, 28, 1), [], reads_pictures, Observer(CNN), None)


def test_an_encoded_picture_is_prepared() -> None:
    file = io.BytesIO()
    drawn = np.full((90, 90), 255, np.uint8)
    drawn[20:70, 40:50] = 0
    Image.fromarray(drawn).save(file, "PNG")

    found = read_encoded(file.getvalue(), target(reads_pictures=True), DEFAULT_LIMITS, "x")

    assert found.shape == (28, 28, 1)
    assert found.max() == 255  # white on black now
    assert found[0].max() == 0


def test_a_broken_picture_is_named() -> None:
    with pytest.raises(ServiceError) as error:
        read_encoded(b"\x89PNG\r\n\x1a\n", target(reads_pictures=True), DEFAULT_LIMITS, "instances[1]")

    assert error.value.type == "undecodable_picture"
    assert error.value.field == "instances[1]"


def test_a_model_without_preparation_takes_arrays_only() -> None:
    with pytest.raises(UnsupportedMediaTypeError) as error:
        read_encoded(b"", target(reads_pictures=False), DEFAULT_LIMITS, "x")

    assert says(error) == ("x", "cnn/1 takes arrays only: no preparation of pictures is known for it")
