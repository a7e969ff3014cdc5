"""The rows of a layer table, and their sums."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from architectures.layers import Padding

FLOAT32_BYTES = 4

# What a card says of a layer. The rest follows from it, and cards of versions that exist must stay as they are.
_ON_CARDS = (
    "name",
    "type",
    "output_shape",
    "parameters",
    "receptive_field",
    "macs",
    "kernel",
    "stride",
    "padding",
    "activation",
)


@dataclass(frozen=True)
class LayerRow:
    """One layer of the served model.

    `output_shape` is without the batch. `parameters` are kernel and bias. `macs` are multiply-accumulates for one
    picture; biases, activations, pools and sums are not counted. `receptive_field` is the side, in input pixels, of
    the square that one output depends on; it may be larger than the picture, and is the picture's longer side where
    every output depends on all of it. `jump` is how many input pixels lie between the centres of two neighbouring
    outputs. `kernel` (a pool's window too), `stride`, `padding`, `activation` and `jump` are None where the layer has
    no such thing.
    """

    name: str
    type: str
    output_shape: tuple[int, ...]
    parameters: int
    receptive_field: int
    macs: int
    kernel: tuple[int, int] | None = None
    stride: tuple[int, int] | None = None
    padding: Padding | None = None
    activation: str | None = None
    jump: int | None = 1

    @property
    def output_volume(self) -> int:
        """How many values the layer gives for one picture."""
        return math.prod(self.output_shape)

    @property
    def activation_bytes(self) -> int:
        """What these take in memory, as float32."""
        return FLOAT32_BYTES * self.output_volume

    def with_window(self, *, kernel: int, stride: int, padding: Padding, receptive_field: int, jump: int) -> LayerRow:
        """The row of a layer that moves a square window."""
        return replace(
            self,
            kernel=(kernel, kernel),
            stride=(stride, stride),
            padding=padding,
            receptive_field=receptive_field,
            jump=jump,
        )

    def document(self) -> dict[str, Any]:
        """The row as cards have it: tuples become lists."""
        fields = asdict(self)
        return {key: list(fields[key]) if isinstance(fields[key], tuple) else fields[key] for key in _ON_CARDS}

    def full_document(self) -> dict[str, Any]:
        """The row with all there is to say, as `describe` has it."""
        return {
            **self.document(),
            "output_volume": self.output_volume,
            "jump": self.jump,
            "activation_bytes": self.activation_bytes,
        }


@dataclass(frozen=True)
class Totals:
    """The sums of a table. `activation_bytes` is the memory when every layer's values are kept, as training does."""

    parameters: int
    macs: int
    activation_bytes: int

    @property
    def parameter_bytes(self) -> int:
        """What kernels and biases take, as float32."""
        return FLOAT32_BYTES * self.parameters


def totals(rows: Sequence[LayerRow]) -> Totals:
    """The sums of a table, for one picture."""
    return Totals(
        parameters=sum(row.parameters for row in rows),
        macs=sum(row.macs for row in rows),
        activation_bytes=sum(row.activation_bytes for row in rows),
    )
