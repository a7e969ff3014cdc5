"""What an architecture costs, by arithmetic alone: volumes, parameters, receptive fields, multiply-accumulates.

With input side n, kernel k and stride s, a convolution gives ⌈n / s⌉ (`same`) or ⌊(n - k) / s⌋ + 1 (`valid`) pixels a
side. The receptive field grows by (k - 1) times the product of all strides before. Sources: Dumoulin and Visin, "A
guide to convolution arithmetic for deep learning" (2016); Araujo, Norris and Sim, "Computing Receptive Fields of
Convolutional Neural Networks" (Distill, 2019).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from training.architecture.layers import Architecture, Conv, Dense, Flatten, Layer
from training.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class LayerRow:
    """One layer of the served model.

    `output_shape` is without the batch. `macs` are multiply-accumulates for one picture; biases and activations are
    not counted. `receptive_field` is the side, in input pixels, of the square that one output depends on; it may be
    larger than the picture, and is the picture's longer side where every output depends on all of it. `kernel`,
    `stride` and `padding` are None where the layer has no such thing.
    """

    name: str
    type: str
    output_shape: tuple[int, ...]
    parameters: int
    receptive_field: int
    macs: int
    kernel: tuple[int, int] | None = None
    stride: tuple[int, int] | None = None
    padding: str | None = None
    activation: str | None = None

    def document(self) -> dict[str, Any]:
        """The row as JSON has it: tuples become lists."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}


@dataclass(frozen=True)
class _Reach:
    """How far one output looks, and how far apart two neighbouring outputs look, in input pixels."""

    field: int = 1
    jump: int = 1


def layer_table(architecture: Architecture, input_shape: Sequence[int]) -> tuple[LayerRow, ...]:
    """A row for each layer of the served model, given the shape (H, W, C) of one picture.

    Raises `ConfigurationError`, naming the layer, when a layer cannot take what the one before it gives.
    """
    rows: list[LayerRow] = []
    shape: tuple[int, ...] = tuple(input_shape)
    reach = _Reach()
    for name, layer in architecture.served_layers():
        row, reach = _row(name, layer, shape, reach, longest_side=max(input_shape[:2]))
        rows.append(row)
        shape = row.output_shape
    return tuple(rows)


def _row(
    name: str, layer: Layer, shape: tuple[int, ...], reach: _Reach, *, longest_side: int
) -> tuple[LayerRow, _Reach]:
    match layer:
        case Conv():
            return _conv_row(name, layer, shape, reach)
        case Flatten():
            size = math.prod(shape)
            return LayerRow(name, "flatten", (size,), 0, reach.field, 0), reach
        case Dense():
            if len(shape) != 1:
                raise ConfigurationError(f"{name} takes a vector and is given {shape}; put a flatten layer before it")
            weights = shape[0] * layer.units
            row = LayerRow(
                name, "dense", (layer.units,), weights + layer.units, longest_side, weights, activation=layer.activation
            )
            return row, _Reach(field=longest_side, jump=reach.jump)
        case _:
            raise ConfigurationError(f"{name} is not part of a served model")


def _conv_row(name: str, layer: Conv, shape: tuple[int, ...], reach: _Reach) -> tuple[LayerRow, _Reach]:
    if len(shape) != 3:
        raise ConfigurationError(f"{name} takes a picture (H, W, C) and is given {shape}")
    if layer.padding == "same":
        sides = tuple(-(-side // layer.stride) for side in shape[:2])
    else:
        sides = tuple((side - layer.kernel) // layer.stride + 1 for side in shape[:2])
    if min(sides) < 1:
        raise ConfigurationError(f"{name}: a kernel of {layer.kernel} does not fit into {shape[0]} × {shape[1]}")
    weights = layer.kernel**2 * shape[2] * layer.filters
    field = reach.field + (layer.kernel - 1) * reach.jump
    row = LayerRow(
        name=name,
        type="conv",
        output_shape=(*sides, layer.filters),
        parameters=weights + layer.filters,
        receptive_field=field,
        macs=math.prod(sides) * weights,
        kernel=(layer.kernel, layer.kernel),
        stride=(layer.stride, layer.stride),
        padding=layer.padding,
        activation=layer.activation,
    )
    return row, _Reach(field=field, jump=reach.jump * layer.stride)
