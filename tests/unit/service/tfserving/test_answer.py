"""What is answered, byte for byte. The white space is what TensorFlow Serving's printer makes of the same tensors."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from service.errors import MalformedRequestError
from service.tfserving import answer

NAN, INF = np.nan, np.inf


def f32(values: Any) -> npt.NDArray[np.float32]:
    return np.array(values, np.float32)


NAMES = st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=3, unique=True)


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        ({"y": f32([2.5, 3, 4.5])}, '{\n    "predictions": [2.5, 3.0, 4.5\n    ]\n}'),
        ({"y": f32([[0.1, 0.9], [1, 0]])}, '{\n    "predictions": [[0.1, 0.9], [1.0, 0.0]\n    ]\n}'),
        ({"y": f32([[[1], [2]]])}, '{\n    "predictions": [[[1.0], [2.0]]\n    ]\n}'),
        ({"y": np.array([[-1], [2]])}, '{\n    "predictions": [[-1], [2]\n    ]\n}'),
        ({"y": np.array([True, False])}, '{\n    "predictions": [true, false\n    ]\n}'),
        ({"y": f32([[NAN, INF], [-INF, 1]])}, '{\n    "predictions": [[NaN, Infinity], [-Infinity, 1.0]\n    ]\n}'),
        ({"y": np.zeros((2, 0), np.float32)}, '{\n    "predictions": [[], []\n    ]\n}'),
        (
            {"probabilities": f32([[0.25, 0.75], [1, 0]]), "energy": f32([-1.5, INF])},
            (
                '{\n    "predictions": [\n'
                '        {\n            "energy": -1.5,\n            "probabilities": [0.25, 0.75]\n        },\n'
                '        {\n            "energy": Infinity,\n            "probabilities": [1.0, 0.0]\n        }\n'
                "    ]\n}"
            ),
        ),
    ],
)
def test_row_form(outputs: dict[str, Any], expected: str) -> None:
    assert answer.predictions(outputs).decode() == expected


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        ({"y": f32([2.5, 3])}, '{\n    "outputs": [\n        2.5,\n        3.0\n    ]\n}'),
        ({"y": f32(0.5)}, '{\n    "outputs": 0.5\n}'),
        ({"y": f32(NAN)}, '{\n    "outputs": NaN\n}'),
        ({"y": np.zeros((0, 3), np.float32)}, '{\n    "outputs": []\n}'),
        (
            {"y": f32([[1, NAN], [-INF, 2]])},
            (
                '{\n    "outputs": [\n        [\n            1.0,\n            NaN\n        ],\n'
                "        [\n            -Infinity,\n            2.0\n        ]\n    ]\n}"
            ),
        ),
        (
            {"b/kernel": np.array([[7]], np.int32), 'a"b': f32([0.5])},
            (
                '{\n    "outputs": {\n        "a\\"b": [\n            0.5\n        ],\n'
                '        "b/kernel": [\n            [\n                7\n            ]\n        ]\n    }\n}'
            ),
        ),
    ],
)
def test_column_form(outputs: dict[str, Any], expected: str) -> None:
    assert answer.outputs(outputs).decode() == expected


def test_results() -> None:
    found = answer.results(f32([[0.25, 0.75], [1, NAN]]), ["50%", 'a "b"'])

    assert found.decode() == (
        '{\n    "results": [[["50%", 0.25], ["a \\"b\\"", 0.75]], [["50%", 1.0], ["a \\"b\\"", NaN]]\n    ]\n}'
    )


def test_classes_without_labels_have_empty_ones() -> None:
    assert json.loads(answer.results(f32([[0.25, 0.75]]), ["7"])) == {"results": [[["", 0.25], ["", 0.75]]]}


@given(NAMES, st.integers(1, 4), st.data())
def test_both_forms_give_back_what_was_put_in(names: list[str], batch: int, data: st.DataObject) -> None:
    dtypes = st.sampled_from(["float32", "int32", "int64", "uint8"])
    shapes = arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
    outputs = {
        name: data.draw(arrays.arrays(data.draw(dtypes), (batch, *data.draw(shapes | st.just(()))))) for name in names
    }
    expected: dict[str, Any] = {name: array.tolist() for name, array in outputs.items()}

    columns = json.loads(answer.outputs(outputs))["outputs"]
    rows = json.loads(answer.predictions(outputs))["predictions"]

    if len(names) == 1:
        columns, rows = {names[0]: columns}, [{names[0]: row} for row in rows]
    for name, array in outputs.items():
        for found in (columns[name], [row[name] for row in rows]):
            assert np.array_equal(np.array(found, array.dtype).reshape(array.shape), array, equal_nan=True)
            assert _shape(found) == _shape(expected[name])


def _shape(nested: Any) -> Any:
    return [_shape(item) for item in nested] if isinstance(nested, list) else type(nested)


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ({"y": f32(1)}, "Tensor name: y has no shape information"),
        (
            {"a": f32([1, 2]), "b": f32([1])},
            "Tensor name: b has inconsistent batch size: 1 expecting: 2",
        ),
    ],
)
def test_outputs_without_a_common_batch_have_no_rows(outputs: dict[str, Any], message: str) -> None:
    with pytest.raises(MalformedRequestError) as error:
        answer.predictions(outputs)

    assert error.value.message == message
