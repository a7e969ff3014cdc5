"""JSON that is mostly numbers: read faster, and never otherwise than any JSON library reads it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service import dense_json
from service.dense_json import Dense

NUMBERS = st.one_of(
    st.integers(-(2**63), 2**64 - 1), st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 255)
)
SHAPES = st.lists(st.integers(1, 4), min_size=1, max_size=5)


DENSE = Dense([*range(1000, 1200)], (100, 2))
LONG = json.dumps(DENSE.lists())


def nested(found: Any) -> Any:
    """What was read, with lists in place of what is dense."""
    if isinstance(found, dict):
        return {key: nested(value) for key, value in found.items()}
    if isinstance(found, list):
        return [nested(value) for value in found]
    return found.lists() if isinstance(found, Dense) else found


@given(st.data(), SHAPES, st.booleans())
def test_a_rectangular_array_is_read_as_one(data: st.DataObject, shape: list[int], spaces: bool) -> None:
    count = int(np.prod(shape))
    flat = data.draw(st.lists(NUMBERS, min_size=count, max_size=count))
    values = Dense(flat, tuple(shape)).lists()
    text = json.dumps({"instances": values}, separators=(", ", ": ") if spaces else (",", ":")).encode()

    found = dense_json.loads(text)

    assert found["instances"] == Dense(orjson.loads(json.dumps(flat)), tuple(shape))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"inputs": {"images": [[1, 2], [3, 4]]}}', {"inputs": {"images": Dense([1, 2, 3, 4], (2, 2))}}),
        ('{"signature_name": "s", "instances": [1]}', {"signature_name": "s", "instances": Dense([1], (1,))}),
        ("[[1.5],[-2e3]]", Dense([1.5, -2000.0], (2, 1))),
        (f'{{"a": {LONG}, "b": [2.5], "c": {LONG}}}', {"a": DENSE, "b": [2.5], "c": DENSE}),
        (f'{{"a": [1], "a": {LONG}}}', {"a": DENSE}),
        (f'{{"a": {LONG}, "a": [1]}}', {"a": [1]}),
        (
            f'{{"instances": [{{"x": {LONG}, "y": "z"}}, {{"x": {LONG}, "y": [1, [2]]}}]}}',
            {"instances": [{"x": DENSE, "y": "z"}, {"x": DENSE, "y": [1, [2]]}]},
        ),
        ('{"a": {"b": {"c": [[[7]]]}}, "d": null}', {"a": {"b": {"c": Dense([7], (1, 1, 1))}}, "d": None}),
    ],
)
def test_arrays_are_put_back_where_they_were(text: str, expected: Any) -> None:
    assert dense_json.loads(text.encode()) == expected


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "[[]]",
        "[[],[]]",
        "[[1],[]]",
        "[[1, 2], [3]]",
        "[1, [2]]",
        "[[1], 2]",
        "[[[1]],[2]]",
        "[1,\n2]",
        "[1 , 2]",
        "[true, 1]",
        '["[1]"]',
        '{"a": [1], "b": "x[2]y"}',
        '{"a": [1], "b": ["\\u00000", "\\u00007", "\\u0000x"]}',
        '{"name": "[x]", "instances": [1]}',
        '{"name": "x[", "instances": [1]}',
        '{"instances": [1], "name": "]"}',
        '{"instances": [{"images": [[1]]}, {"images": [[2]]}]}',
        '{"instances": [{"b64": "AAAA"}]}',
        "7",
        '"\\u0000"',
        '{"a": "]["}',
        f'{{"a": "{LONG}", "b": {LONG}}}',
        f'{{"a": {LONG}, "b": ["{LONG}"]}}',
        f'{{"a": {LONG[:-1]}, 7], "b": "c"}}',
    ],
)
def test_anything_else_is_read_as_usual(text: str) -> None:
    found = dense_json.loads(text.encode())

    assert nested(found) == json.loads(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[",
        "]",
        "][",
        "[1]2",
        "[[1]2,[3]]",
        "[[1],2[3]]",
        "[1]2,[3]",
        "[1 2]",
        "[,]",
        "[1,,2]",
        "[1,]",
        "[[1],]",
        "[-]",
        "[1e]",
        "[01]",
        "[NaN]",
        "[[1],[2]",
        "[1]]",
        "[[1]][[2]]",
        '{"instances": [1]',
        '{"instances": [1]} x',
        '{"instances" [1]}',
    ],
)
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(orjson.JSONDecodeError) as usual:
        orjson.loads(text)
    with pytest.raises(orjson.JSONDecodeError) as error:
        dense_json.loads(text.encode())

    assert str(error.value) == str(usual.value)


HOSTILE = {
    "closed": "[" * 900 + "]" * 900,
    "open": "[" * 300_000 + '{"]',
    "pairs": '{"a": [' + "[1]," * 50_000 + '{"]',
    "objects": f'{{"instances": {LONG}, "x": ' + '{"x":' * 900 + "1" + "}" * 900 + "}",
    "texts": '{"x": "' + "[1] " * 50_000 + '"}',
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_what_is_made_to_be_slow_or_deep_is_read_as_orjson_reads_it(text: str) -> None:
    """Anything more than linear would not end within the time that a test may take."""
    try:
        expected = orjson.loads(text)
    except orjson.JSONDecodeError:
        with pytest.raises(orjson.JSONDecodeError):
            dense_json.loads(text.encode())
    else:
        assert orjson.dumps(unrolled(dense_json.loads(text.encode()))) == orjson.dumps(unrolled(expected))


def unrolled(found: Any) -> list[str]:
    """What a document holds, in order, however deep."""
    seen: list[str] = []
    todo = [found]
    while todo:
        item = todo.pop()
        item = item.lists() if isinstance(item, Dense) else item
        seen.append(str(item) if not isinstance(item, dict | list) else f"{type(item).__name__}{len(item)}")
        todo += item.values() if isinstance(item, dict) else item if isinstance(item, list) else []
    return seen


@given(st.text(alphabet='[]0123.-e, "{}:a', max_size=24))
def test_nothing_is_read_otherwise_than_by_orjson(text: str) -> None:
    body = text.encode()
    try:
        expected = orjson.loads(body)
    except orjson.JSONDecodeError:
        with pytest.raises(orjson.JSONDecodeError):
            dense_json.loads(body)
    else:
        assert nested(dense_json.loads(body)) == expected
