"""Requests taken apart, and every way in which their form can be at fault."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import InvalidParameterError, MalformedRequestError
from service.oip.message import Wish, parse
from tests.unit.service.oip.requests import LENGTH, binary, blob, plain, tensor

ONE = tensor("a", "INT32", [2], [1, 2])


def test_a_request_with_nothing_but_an_input() -> None:
    found = parse(plain(ONE), "")
    ((tensor_found, data),) = found.inputs
    assert (tensor_found.name, tensor_found.shape, tensor_found.datatype, data) == ("a", (2,), "INT32", None)
    assert bytes(tensor_found.data) == b"[1,2]"
    assert (found.id, found.signature, found.label, found.wishes) == ("", "serving_default", None, ())
    assert (found.binary_by_default, found.raw) == (False, None)


def test_everything_that_a_request_may_say() -> None:
    body, headers = binary(
        b"12345678",
        blob("a", "INT32", [2], 8),
        id="some-id",
        parameters={"signature_name": "saliency", "label": "canary", "binary_data_output": True, "priority": 3},
        outputs=[
            {"name": "x"},
            {"name": "y", "parameters": {"binary_data": False}},
            {"name": "z", "parameters": {"classification": 3, "anything": "else"}},
        ],
    )
    found = parse(body, headers[LENGTH])
    ((_, data),) = found.inputs
    assert (found.id, found.signature, found.label, found.binary_by_default) == ("some-id", "saliency", "canary", True)
    assert data is not None
    assert bytes(data) == b"12345678"
    assert found.wishes == (Wish("x", True, 0), Wish("y", False, 0), Wish("z", True, 3))


def test_binary_data_are_shared_out_in_order_and_not_copied() -> None:
    body, headers = binary(
        b"aabbb", blob("a", "UINT8", [2], 2), tensor("m", "UINT8", [1], [0]), blob("b", "UINT8", [3], 3)
    )
    found = parse(body, headers[LENGTH])
    data = {tensor.name: blob for tensor, blob in found.inputs}
    assert data == {"a": b"aa", "m": None, "b": b"bbb"}
    assert data["b"] is not None
    assert data["b"].obj is body


def test_a_body_without_a_header() -> None:
    found = parse(b"\x00\x01", "0")
    assert found.raw is not None
    assert bytes(found.raw) == b"\x00\x01"
    assert (found.inputs, found.wishes, found.binary_by_default) == ((), (), True)


@pytest.mark.parametrize("value", [17, "seventeen"])
def test_an_id_comes_back_as_it_was_sent(value: Any) -> None:
    assert parse(plain(ONE, id=value), "").id == value


@pytest.mark.parametrize(
    ("body", "length", "field", "message"),
    [
        (b"", "", "body", "the body is empty; expected an inference request"),
        (b"{", "", "body", "not JSON: Input data was truncated"),
        (b'{"inputs": [{"name": "\xff"}]}', "", "body", "not JSON: 'utf-8' codec can't decode byte 0xff in position 0"),
        (b'{"inputs":[{"name":"a","data":' + b"[" * 9999, "", "body", "not JSON: maximum recursion depth exceeded"),
        (b"[]", "", "body", "Expected `object`, got `array`"),
        (b"{}", "", "body", "Object missing required field `inputs`"),
        (b'{"inputs": 3}', "", "inputs", "Expected `array`, got `int`"),
        (b'{"inputs": [{}]}', "", "inputs[0]", "Object missing required field `name`"),
        (plain({**ONE, "shape": [1.5]}), "", "inputs[0].shape[0]", "Expected `int`, got `float`"),
        (plain({**ONE, "shape": 2}), "", "inputs[0].shape", "Expected `array`, got `int`"),
        (plain({**ONE, "datatype": 2}), "", "inputs[0].datatype", "Expected `str`, got `int`"),
        (plain({**ONE, "parameters": []}), "", "inputs[0].parameters", "Expected `object`, got `array`"),
        (plain(ONE, outputs=["x"]), "", "outputs[0]", "Expected `object`, got `str`"),
        (plain(ONE, id=[1]), "", "id", "Expected `int | str`, got `array`"),
        (plain(ONE, ONE), "", "inputs[1]", "'a' is there twice"),
        (plain(ONE, outputs=[{"name": "x"}, {"name": "x"}]), "", "outputs[1]", "'x' is there twice"),
        (plain(ONE), "12x", "Inference-Header-Content-Length", "must be a number of bytes, not '12x'"),
        (plain(ONE), "-1", "Inference-Header-Content-Length", "must be a number of bytes, not '-1'"),
        (plain(ONE), "²", "Inference-Header-Content-Length", "must be a number of bytes, not '²'"),
        (b"{}", "3", "Inference-Header-Content-Length", "states 3 bytes; the body has 2"),
        (b"{}", "9" * 5000, "Inference-Header-Content-Length", f"states {'9' * 40} bytes; the body has 2"),
        (plain(ONE) + b"xyz", str(len(plain(ONE))), "body", "3 bytes behind the header belong to no input"),
        (
            plain(blob("a", "UINT8", [2], 2)),
            "",
            "a",
            "binary_data_size is 2; only 0 bytes are left behind the header",
        ),
        (
            plain({"name": "a", "shape": [1], "datatype": "UINT8"}),
            "",
            "a",
            "it has neither data nor binary_data_size",
        ),
        (plain({**ONE, **blob("a", "INT32", [2], 0)}), "", "a", "it has both data and binary_data_size"),
    ],
)
def test_a_form_at_fault(body: bytes, length: str, field: str, message: str) -> None:
    with pytest.raises(MalformedRequestError) as caught:
        parse(body, length)
    assert caught.value.field == field
    assert caught.value.message.startswith(message)


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        (plain(ONE, parameters={"signature_name": 1}), "parameters.signature_name", "must be a text"),
        (plain(ONE, parameters={"label": True}), "parameters.label", "must be a text"),
        (plain(ONE, parameters={"binary_data_output": 1}), "parameters.binary_data_output", "must be true or false"),
        (
            plain(ONE, outputs=[{"name": "x", "parameters": {"binary_data": "yes"}}]),
            "outputs[0].parameters.binary_data",
            "must be true or false",
        ),
        *(
            (
                plain(ONE, outputs=[{"name": "x", "parameters": {"classification": count}}]),
                "outputs[0].parameters.classification",
                "must be a number of classes",
            )
            for count in (-1, True, "2", 1.5)
        ),
        *(
            (
                plain({**blob("a", "UINT8", [1], 1), "parameters": {"binary_data_size": size}}),
                "a",
                "binary_data_size must be a number of bytes",
            )
            for size in (-1, True, "2", 1.5)
        ),
        (
            plain({**ONE, "parameters": {"shared_memory_region": "r"}}),
            "a",
            "shared memory is not supported",
        ),
        (
            plain(ONE, outputs=[{"name": "x", "parameters": {"shared_memory_region": "r"}}]),
            "x",
            "shared memory is not supported",
        ),
    ],
)
def test_a_parameter_at_fault(body: bytes, field: str, message: str) -> None:
    with pytest.raises(InvalidParameterError) as caught:
        parse(body, "")
    assert (caught.value.field, caught.value.message) == (field, message)


@given(st.lists(st.binary(max_size=20), max_size=5))
def test_any_amounts_of_binary_data_come_out_as_they_went_in(chunks: list[bytes]) -> None:
    tensors = [blob(str(i), "UINT8", [len(chunk)], len(chunk)) for i, chunk in enumerate(chunks)]
    body, headers = binary(b"".join(chunks), *tensors)
    assert [bytes(data or b"") for _, data in parse(body, headers[LENGTH]).inputs] == chunks


@given(st.binary(max_size=60), st.text("0123456789-", max_size=3))
def test_whatever_comes_is_a_request_or_refused(body: bytes, length: str) -> None:
    with contextlib.suppress(MalformedRequestError, InvalidParameterError):
        found = parse(body, length)
        assert found.raw is not None or length != "0"
