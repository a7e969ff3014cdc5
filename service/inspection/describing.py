"""What an architecture would cost that nobody has trained: its table of layers, from JSON or from a preset's name."""

from __future__ import annotations

from typing import Any, Final

import orjson

from architectures import ArchitectureError, chain_table, layer_table, preset
from architectures.document import parse_shape, read_description, table_document
from service.errors import InvalidParameterError, MalformedRequestError

DEFAULT_INPUT: Final = (28, 28, 1)
_PRESET_FIELDS: Final = ("preset", "classes", "keys", "input", "allow_floor")


def table(body: bytes) -> dict[str, Any]:
    """The table of `{"layers": […], "input": [H, W, C], "allow_floor": false}`, of the list alone, or of
    `{"preset": "lenet5", "classes": 10, "keys": {…}, "input": …}`.

    :raise MalformedRequestError: not JSON.
    :raise InvalidParameterError: it cannot be; the message names the layer and what would fit.
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedRequestError(f"not JSON: {error}", field="body") from None
    try:
        if isinstance(document, dict) and "preset" in document:
            return _of_preset(document)
        described = read_description(document)
        shape = described.input_shape or DEFAULT_INPUT
        rows = chain_table(described.layers, shape, allow_floor=described.allow_floor)
        return table_document(described.name, shape, rows)
    except ArchitectureError as error:
        raise InvalidParameterError(str(error), field="body") from None


def _of_preset(document: dict[str, Any]) -> dict[str, Any]:
    for field in document:
        if field not in _PRESET_FIELDS:
            raise InvalidParameterError(f"beside preset there are {', '.join(_PRESET_FIELDS[1:])}", field=field[:40])
    name, classes, keys = document["preset"], document.get("classes", 10), document.get("keys", {})
    floor = document.get("allow_floor", False)
    for field, value, kind in (
        ("preset", name, str),
        ("classes", classes, int),
        ("keys", keys, dict),
        ("allow_floor", floor, bool),
    ):
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise InvalidParameterError(f"{field} is no {kind.__name__}", field=field)
    sides = document.get("input", list(DEFAULT_INPUT))
    if not isinstance(sides, list):
        raise InvalidParameterError("input is no list of height, width and channels", field="input")
    shape = parse_shape("x".join(map(str, sides)))
    architecture = preset(name, classes=classes, keys=keys, allow_floor=floor)
    return table_document(name, shape, layer_table(architecture, shape))
