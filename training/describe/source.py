"""Where the architecture to describe comes from: a preset's name, or a JSON document."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from architectures import chain_table, layer_table, preset
from architectures.document import parse_shape, read_description, table_document
from training.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from architectures import LayerRow
    from architectures.keys import KeyValue

DEFAULT_INPUT = "28x28x1"


@dataclass(frozen=True)
class Subject:
    """An architecture's name, the shape (H, W, C) it is given, and the rows of its table."""

    name: str
    input_shape: tuple[int, int, int]
    rows: tuple[LayerRow, ...]

    def document(self) -> dict[str, Any]:
        """All of it as JSON has it."""
        return table_document(self.name, self.input_shape, self.rows)


def from_preset(
    name: str,
    *,
    input_text: str | None = None,
    classes: int = 10,
    keys: Mapping[str, KeyValue] | None = None,
    allow_floor: bool = False,
) -> Subject:
    """A preset on pictures of `input_text`, as in `28x28x1`. Raises `ConfigurationError`."""
    shape = parse_shape(input_text or DEFAULT_INPUT)
    architecture = preset(name, classes=classes, keys=keys, allow_floor=allow_floor)
    return Subject(name, shape, layer_table(architecture, shape))


def from_document(text: str, *, input_text: str | None = None, allow_floor: bool = False) -> Subject:
    """An architecture out of JSON; `input_text`, where given, stands above the document's own input.

    Raises `ConfigurationError`, for what is no JSON too.
    """
    try:
        document = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ConfigurationError(f"the architecture is not JSON: {error}") from None
    described = read_description(document)
    shape = parse_shape(input_text) if input_text else described.input_shape or parse_shape(DEFAULT_INPUT)
    floor = allow_floor or described.allow_floor
    return Subject(described.name, shape, chain_table(described.layers, shape, allow_floor=floor))
