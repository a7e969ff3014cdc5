"""Architectures as JSON: there and back, and what is said of those that will not do."""

from __future__ import annotations

import json
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from architectures import (
    Architecture,
    ArchitectureError,
    Conv,
    Dense,
    Flatten,
    Layer,
    MaxPool,
    Residual,
    chain_table,
    totals,
)
from architectures.document import (
    LAYER_TYPES,
    layers_document,
    parse_shape,
    read_description,
    table_document,
)
from tests.architectures.random_chains import architectures

EXERCISE = {
    "name": "two convolutions",
    "input": [28, 28, 3],
    "layers": [
        {"type": "conv", "filters": 32, "kernel": 3, "padding": 1},
        {"type": "max_pool", "size": 2, "stride": 1},
        {"type": "conv", "filters": 64, "kernel": 3, "padding": 1},
        {"type": "max_pool", "size": 2, "stride": 1},
        {"type": "flatten"},
        {"type": "dense", "units": 1024},
        {"type": "dense", "units": 10, "activation": "linear"},
    ],
}


def test_the_exercise_as_json() -> None:
    described = read_description(EXERCISE)
    assert described.input_shape == (28, 28, 3)
    rows = chain_table(described.layers, (28, 28, 3), allow_floor=described.allow_floor)
    document = table_document(described.name, (28, 28, 3), rows)
    assert json.loads(json.dumps(document)) == document
    assert document["totals"] == {
        "parameters": 44_333_002,
        "parameter_bytes": 177_332_008,
        "macs": totals(rows).macs,
        "activation_bytes": 4 * (25_088 + 23_328 + 46_656 + 43_264 + 43_264 + 1024 + 10),
    }
    assert document["layers"][1] == {
        "name": "pool1",
        "type": "max_pool",
        "output_shape": [27, 27, 32],
        "parameters": 0,
        "receptive_field": 4,
        "macs": 0,
        "kernel": [2, 2],
        "stride": [1, 1],
        "padding": "valid",
        "activation": None,
        "output_volume": 23_328,
        "jump": 1,
        "activation_bytes": 93_312,
    }
    assert described.architecture().classes == 10


@given(architectures())
def test_there_and_back(architecture: Architecture) -> None:
    text = json.dumps({"layers": layers_document(architecture.layers), "name": "any", "allow_floor": True})
    assert read_description(json.loads(text)).architecture() == architecture


def test_a_list_alone_will_do_and_need_not_end_in_logits() -> None:
    described = read_description([{"type": "conv", "filters": 2, "kernel": 3}])
    assert described.layers == (Conv(2, 3),)
    assert (described.name, described.input_shape, described.allow_floor) == ("architecture", None, False)
    with pytest.raises(ArchitectureError, match="must end in"):
        described.architecture()


def test_defaults_are_those_of_the_values() -> None:
    document = [
        {"type": "max_pool", "size": 3},
        {"type": "residual", "layers": [{"type": "conv", "filters": 1, "kernel": 3}]},
        {"type": "flatten"},
        {"type": "dense", "units": 4},
    ]
    assert read_description(document).layers == (MaxPool(3, 3, "valid"), Residual((Conv(1, 3),)), Flatten(), Dense(4))


def test_every_layer_has_a_type() -> None:
    assert set(LAYER_TYPES.values()) == set(get_args(Layer))


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        ("flatten", "a list of layers, or an object"),
        ({}, "layers must be a list"),
        ([], "layers must be a list"),
        ({"layer": []}, "cannot be 'layer'; did you mean layers"),
        ({"layers": [{"type": "flatten"}], "name": 3}, "name must be a text"),
        ({"layers": [{"type": "flatten"}], "allow_floor": "yes"}, "allow_floor must be true or false"),
        ({"layers": [{"type": "flatten"}], "input": [28, 28]}, "the input must be height"),
        ({"layers": [{"type": "flatten"}], "input": [28, "28", 1]}, "the input's width"),
        ({"layers": [{"type": "flatten"}], "input": 28}, "input must be"),
        (["flatten"], r"layers\[0\] must be an object with a type"),
        ([{"type": "flatten"}, {"type": "Conv2D"}], r"layers\[1\]: type cannot be 'Conv2D'; did you mean conv"),
        ([{"type": ["conv"]}], r"layers\[0\]: type cannot be"),
        ([{"type": "conv", "kernel": 3}], r"layers\[0\] \(conv\): filters is missing"),
        ([{"type": "conv", "filter": 3}], r"layers\[0\] \(conv\): a field cannot be 'filter'; did you mean filters"),
        ([{"type": "conv", "filters": 3, "kernel": "3"}], r"layers\[0\] \(conv\): kernel must be a whole number"),
        ([{"type": "conv", "filters": 3, "kernel": 3, "activation": ["relu"]}], "activation cannot be"),
        ([{"type": "conv", "filters": 3, "kernel": 3, "padding": [1]}], "padding must be"),
        ([{"type": "dropout", "rate": None}], "rate must be"),
        ([{"type": "residual", "layers": 3}], r"layers\[0\] \(residual\)\.layers must be a list"),
        ([{"type": "residual", "layers": [{"type": "residual"}]}], "cannot hold another one"),
        ([{"type": "flatten"}] * 1001, "at most 1,000 layers, not 1,001"),
    ],
)
def test_documents_that_will_not_do(document: object, fault: str) -> None:
    with pytest.raises(ArchitectureError, match=fault):
        read_description(document)


JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False),
        st.text(max_size=5),
        st.sampled_from(sorted(LAYER_TYPES)),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["type", "layers", "filters", "kernel", "size", "input", "rate"]), inner, max_size=4
        ),
    ),
    max_leaves=12,
)


@given(JSON)
def test_whatever_comes_is_answered(document: object) -> None:
    """Read, or refused with our own error; never another exception."""
    try:
        described = read_description(document)
        rows = chain_table(described.layers, described.input_shape or (28, 28, 1), allow_floor=False)
    except ArchitectureError as error:
        assert str(error)  # noqa: PT017 - either outcome will do
    else:
        assert rows


@pytest.mark.parametrize(("text", "shape"), [("28x28x3", (28, 28, 3)), ("7X9x1", (7, 9, 1)), ("32×32×3", (32, 32, 3))])
def test_shapes(text: str, shape: tuple[int, int, int]) -> None:
    assert parse_shape(text) == shape


@pytest.mark.parametrize(
    "text", ["28", "28x28", "28x28x3x1", "28xx3", "-1x2x3", "axbxc", "0x1x1", "28x28x99999999", "\u0662x\u0662x\u0661"]
)
def test_what_is_no_shape(text: str) -> None:
    with pytest.raises(ArchitectureError, match="the input"):
        parse_shape(text)
