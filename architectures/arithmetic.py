"""What an architecture costs, by arithmetic alone: volumes, parameters, receptive fields, multiply-accumulates, memory.

How many windows lie along a side is worked out in `windows`. The receptive field grows by (k - 1) times the jump, the
product of all strides before. Sources: Dumoulin and Visin, "A guide to convolution arithmetic for deep learning"
(2016); Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural Networks" (Distill, 2019).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from architectures.architecture import (
    Architecture,
    NamedLayer,
    inner_layers,
    name_layers,
    projection_name,
    served,
)
from architectures.checks import require_count
from architectures.errors import ArchitectureError
from architectures.layers import (
    Activation,
    AvgPool,
    Conv,
    Dense,
    Flatten,
    GlobalAvgPool,
    Layer,
    MaxPool,
    Residual,
)
from architectures.rows import LayerRow
from architectures.windows import Window, window_counts

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class _Place:
    """What a layer is given: a shape, how far each value in it looks, and how far apart two neighbours look.

    Field and jump are in pixels of the picture; there is no jump where every value looks at all of it.
    """

    shape: tuple[int, ...]
    field: int = 1
    jump: int | None = 1

    def after(self, row: LayerRow) -> _Place:
        return _Place(row.output_shape, row.receptive_field, row.jump)


def layer_table(
    architecture: Architecture, input_shape: Sequence[int], *, allow_floor: bool | None = None
) -> tuple[LayerRow, ...]:
    """A row for each layer of the served model, given the shape (H, W, C) of one picture.

    `allow_floor` is the architecture's own where it is not given. Raises `ArchitectureError`, naming the layer, when a
    layer cannot take what the one before it gives.
    """
    floor = architecture.allow_floor if allow_floor is None else allow_floor
    return chain_table(architecture.layers, input_shape, allow_floor=floor)


def chain_table(layers: Sequence[Layer], input_shape: Sequence[int], *, allow_floor: bool) -> tuple[LayerRow, ...]:
    """The same for any chain of layers, whether or not it ends in logits."""
    shape = require_picture_shape(input_shape)
    arithmetic = _Arithmetic(max(shape[:2]), allow_floor=allow_floor)
    return arithmetic.chain(served(name_layers(layers)), _Place(shape))


def require_picture_shape(shape: Sequence[int]) -> tuple[int, int, int]:
    """The shape as it is. Raises `ArchitectureError` unless it is height, width and channels of a picture."""
    if len(shape) != 3:
        raise ArchitectureError(f"the input must be height × width × channels, not {_times(shape)}")
    for part, length in zip(("height", "width", "channels"), shape, strict=True):
        require_count(f"the input's {part}", length)
    height, width, channels = shape
    return height, width, channels


@dataclass(frozen=True)
class _Arithmetic:
    """`longest_side` is the picture's, in pixels: as far as any value can look."""

    longest_side: int
    allow_floor: bool

    def chain(self, named: Sequence[NamedLayer], place: _Place) -> tuple[LayerRow, ...]:
        rows: list[LayerRow] = []
        for name, layer in named:
            rows += self.rows(name, layer, place)
            place = place.after(rows[-1])
        return tuple(rows)

    def rows(self, name: str, layer: Layer, place: _Place) -> tuple[LayerRow, ...]:
        """One row, or, of a block, those of what is inside and then its own."""
        match layer:
            case Conv():
                return (self.conv(name, layer, place),)
            case MaxPool() | AvgPool():
                return (self.pool(name, layer, place),)
            case Residual():
                return self.residual(name, layer, place)
            case Dense():
                return (self.dense(name, layer, place),)
            case Flatten():
                size = math.prod(place.shape)
                return (LayerRow(name, "flatten", (size,), 0, place.field, 0, jump=place.jump),)
            case GlobalAvgPool():
                _require_picture(name, place)
                row = LayerRow(name, "global_avg_pool", place.shape[2:], 0, self.longest_side, 0, jump=None)
                return (row,)
            case Activation():
                row = LayerRow(
                    name, "activation", place.shape, 0, place.field, 0, activation=layer.function, jump=place.jump
                )
                return (row,)
            case _:
                raise ArchitectureError(f"{name} is not part of a served model")

    def conv(self, name: str, layer: Conv, place: _Place) -> LayerRow:
        window = Window(layer.kernel, layer.stride, layer.padding)
        sides = self.sides(name, "kernel", window, place)
        weights = layer.kernel**2 * place.shape[2] * layer.filters
        return _windowed(
            LayerRow(
                name,
                "conv",
                (*sides, layer.filters),
                weights + layer.filters,
                place.field,
                math.prod(sides) * weights,
                activation=layer.activation,
            ),
            window,
            place,
        )

    def pool(self, name: str, layer: MaxPool | AvgPool, place: _Place) -> LayerRow:
        window = Window(layer.size, layer.stride, layer.padding)
        sides = self.sides(name, "pool", window, place)
        kind = "max_pool" if isinstance(layer, MaxPool) else "avg_pool"
        return _windowed(LayerRow(name, kind, (*sides, place.shape[2]), 0, place.field, 0), window, place)

    def dense(self, name: str, layer: Dense, place: _Place) -> LayerRow:
        if len(place.shape) != 1:
            raise ArchitectureError(f"{name} takes a vector and is given {place.shape}; put a flatten layer before it")
        weights = place.shape[0] * layer.units
        return LayerRow(
            name,
            "dense",
            (layer.units,),
            weights + layer.units,
            self.longest_side,
            weights,
            activation=layer.activation,
            jump=None,
        )

    def residual(self, name: str, layer: Residual, place: _Place) -> tuple[LayerRow, ...]:
        _require_picture(name, place)
        rows = self.chain(served(inner_layers(name, layer)), place)
        last = rows[-1]
        projection = layer.projection(place.shape, last.output_shape)
        if projection is not None:
            beside = self.conv(projection_name(name), projection, place)
            if beside.output_shape != last.output_shape:
                raise ArchitectureError(
                    f"{name}: its layers make {_times(last.output_shape)} of {_times(place.shape)}, and a projection"
                    f" of stride {layer.stride} gives {_times(beside.output_shape)}; pad them with 'same'"
                )
            rows = (*rows, beside)
        total = LayerRow(
            name,
            "residual",
            last.output_shape,
            0,
            max(last.receptive_field, place.field),
            0,
            activation=layer.activation,
            jump=last.jump,
        )
        return (*rows, total)

    def sides(self, name: str, kind: str, window: Window, place: _Place) -> tuple[int, int]:
        _require_picture(name, place)
        height, width, _ = place.shape
        return window_counts(name, kind, window, (height, width), allow_floor=self.allow_floor)


def _windowed(row: LayerRow, window: Window, place: _Place) -> LayerRow:
    """The row with what its window says: kernel, stride and padding, and how far the values look then."""
    jump = 1 if place.jump is None else place.jump
    return row.with_window(
        kernel=window.size,
        stride=window.stride,
        padding=window.padding,
        receptive_field=place.field + (window.size - 1) * jump,
        jump=jump * window.stride,
    )


def _require_picture(name: str, place: _Place) -> None:
    if len(place.shape) != 3:
        raise ArchitectureError(f"{name} takes a picture (H, W, C) and is given {place.shape}")


def _times(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape))
