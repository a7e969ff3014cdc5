"""Architectures and their tables as JSON has them.

    {"name": …, "input": [28, 28, 3], "allow_floor": false, "layers": [{"type": "conv", "filters": 32, …}, …]}

or only the list of layers. A layer's fields are those of its value in `layers`, with the same defaults.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, Any

from architectures.architecture import Architecture
from architectures.arithmetic import require_picture_shape
from architectures.checks import require_flag, unknown
from architectures.errors import ArchitectureError
from architectures.layers import (
    Activation,
    AvgPool,
    Conv,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool,
    Layer,
    MaxPool,
    Residual,
)
from architectures.rows import LayerRow, totals

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LAYER_TYPES: dict[str, type[Layer]] = {
    "conv": Conv,
    "max_pool": MaxPool,
    "avg_pool": AvgPool,
    "activation": Activation,
    "flatten": Flatten,
    "global_avg_pool": GlobalAvgPool,
    "dense": Dense,
    "dropout": Dropout,
    "residual": Residual,
}
MOST_LAYERS = 1000

_FIELDS = ("name", "input", "allow_floor", "layers")


@dataclass(frozen=True)
class Description:
    """A chain of layers, for `chain_table`; it need not end in logits. `input_shape` is None where it says none."""

    layers: tuple[Layer, ...]
    name: str = "architecture"
    input_shape: tuple[int, int, int] | None = None
    allow_floor: bool = False

    def architecture(self) -> Architecture:
        """The same as something to train. Raises `ArchitectureError` when it does not end in logits."""
        return Architecture(self.name, self.layers, allow_floor=self.allow_floor)


def read_description(document: object) -> Description:
    """The architecture in a JSON document. Raises `ArchitectureError` that names the layer and the field at fault."""
    if isinstance(document, list):
        document = {"layers": document}
    if not isinstance(document, dict):
        raise ArchitectureError("an architecture is a list of layers, or an object with `layers`")
    for field in document:
        if field not in _FIELDS:
            raise ArchitectureError(f"a field of an architecture {unknown(field, _FIELDS)}")
    name, floor = document.get("name", Description.name), document.get("allow_floor", False)
    if not isinstance(name, str) or not name:
        raise ArchitectureError(f"name must be a text, not {name!r}")
    require_flag("allow_floor", floor)
    return Description(_read_layers(document.get("layers"), "layers"), name, _read_input(document.get("input")), floor)


def layers_document(layers: Sequence[Layer]) -> list[dict[str, Any]]:
    """Layers as JSON has them, every field spelled out; `read_description` reads them back."""
    names = {kind: name for name, kind in LAYER_TYPES.items()}
    return [
        {
            "type": names[type(layer)],
            **{field.name: _plain(getattr(layer, field.name)) for field in fields(layer)},
        }
        for layer in layers
    ]


def table_document(name: str, input_shape: Sequence[int], rows: Sequence[LayerRow]) -> dict[str, Any]:
    """A layer table as JSON has it: sizes in bytes, everything for one picture."""
    sums = totals(rows)
    return {
        "name": name,
        "input": list(input_shape),
        "layers": [row.full_document() for row in rows],
        "totals": {
            "parameters": sums.parameters,
            "parameter_bytes": sums.parameter_bytes,
            "macs": sums.macs,
            "activation_bytes": sums.activation_bytes,
        },
    }


def parse_shape(text: str) -> tuple[int, int, int]:
    """`28x28x3` as a shape (H, W, C). Raises `ArchitectureError` for anything else."""
    sides = text.lower().replace("×", "x").split("x")
    if len(sides) != 3 or not all(side.isascii() and side.isdigit() and len(side) < 8 for side in sides):
        raise ArchitectureError(f"the input must be height × width × channels, as in 28x28x3, not {text!r}")
    return require_picture_shape([int(side) for side in sides])


def _read_layers(value: object, where: str) -> tuple[Layer, ...]:
    if not isinstance(value, list) or not value:
        raise ArchitectureError(f"{where} must be a list of layers, and not an empty one")
    if len(value) > MOST_LAYERS:
        raise ArchitectureError(f"{where} must hold at most {MOST_LAYERS:,} layers, not {len(value):,}")
    return tuple(_read_layer(layer, f"{where}[{index}]") for index, layer in enumerate(value))


def _read_layer(value: object, where: str) -> Layer:
    if not isinstance(value, dict) or "type" not in value:
        raise ArchitectureError(f'{where} must be an object with a type, as in {{"type": "flatten"}}')
    kind = value["type"]
    if not isinstance(kind, str) or kind not in LAYER_TYPES:
        raise ArchitectureError(f"{where}: type {unknown(kind, tuple(LAYER_TYPES))}")
    given = {field: content for field, content in value.items() if field != "type"}
    where = f"{where} ({kind})"
    _require_fields(kind, given, where)
    if kind == "residual":
        # A block in a block is refused by `Residual` only after it was read; this way nothing is read without end.
        if any(isinstance(inner, dict) and inner.get("type") == "residual" for inner in _listed(given["layers"])):
            raise ArchitectureError(f"{where}: a residual block cannot hold another one")
        given["layers"] = _read_layers(given["layers"], f"{where}.layers")
    try:
        return LAYER_TYPES[kind](**given)
    except ArchitectureError as error:
        raise ArchitectureError(f"{where}: {error}") from None


def _require_fields(kind: str, given: Mapping[str, object], where: str) -> None:
    known = fields(LAYER_TYPES[kind])
    for field in given:
        if field not in {one.name for one in known}:
            raise ArchitectureError(f"{where}: a field {unknown(field, tuple(one.name for one in known))}")
    for one in known:
        if one.default is MISSING and one.name not in given:
            raise ArchitectureError(f"{where}: {one.name} is missing")


def _read_input(value: object) -> tuple[int, int, int] | None:
    if value is None:
        return None
    if isinstance(value, str):
        return parse_shape(value)
    if not isinstance(value, list):
        raise ArchitectureError(f"input must be [height, width, channels], not {value!r}")
    return require_picture_shape(value)


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _plain(value: Any) -> Any:
    return layers_document(value) if isinstance(value, tuple) else value
