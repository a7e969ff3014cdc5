"""A chain of layers with its name, and the names of its layers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from collections.abc import Sequence

NamedLayer = tuple[str, Layer]

_STEMS: dict[type[Layer], str] = {
    Conv: "conv",
    MaxPool: "pool",
    AvgPool: "pool",
    Activation: "activation",
    Flatten: "flatten",
    GlobalAvgPool: "global_pool",
    Dense: "dense",
    Dropout: "dropout",
    Residual: "residual",
}


@dataclass(frozen=True)
class Architecture:
    """A chain of layers; the last one gives one logit per class, so it is dense and linear.

    With `allow_floor` a window that does not fit its input exactly leaves the rest out, as Keras does, instead of being
    an error. With `first_principles` its layers are computed by `training.first_principles` instead of Keras' own.

    Raises `ArchitectureError` when it does not end in logits.
    """

    name: str
    layers: tuple[Layer, ...]
    allow_floor: bool = False
    first_principles: bool = False

    def __post_init__(self) -> None:
        if not ends_in_logits(self.layers):
            raise ArchitectureError(
                f"{self.name} must end in a linear dense layer without batch normalisation: its logits"
            )

    @property
    def classes(self) -> int:
        last = self.layers[-1]
        assert isinstance(last, Dense)  # noqa: S101 - __post_init__ has seen to it; this tells the type checker
        return last.units

    def named_layers(self) -> tuple[NamedLayer, ...]:
        """Each layer with its name: `conv1`, `pool1`, `conv2`, `flatten1`, `dense1`, … and `logits` for the last."""
        return name_layers(self.layers)

    def served_layers(self) -> tuple[NamedLayer, ...]:
        """`named_layers` without those that exist in training alone."""
        return served(self.named_layers())


def name_layers(layers: Sequence[Layer]) -> tuple[NamedLayer, ...]:
    """Each layer with its name; the last one's is `logits` where it gives such."""
    names = _count(layers)
    if ends_in_logits(layers):
        names[-1] = "logits"
    return tuple(zip(names, layers, strict=True))


def inner_layers(name: str, block: Residual) -> tuple[NamedLayer, ...]:
    """The layers of a block's chain with their names: `residual1_conv1`, …."""
    return tuple((f"{name}_{inner}", layer) for inner, layer in zip(_count(block.layers), block.layers, strict=True))


def projection_name(name: str) -> str:
    """The name of the 1 × 1 convolution beside the chain of the block `name`."""
    return f"{name}_projection"


def served(named: Sequence[NamedLayer]) -> tuple[NamedLayer, ...]:
    """Without dropout."""
    return tuple((name, layer) for name, layer in named if not isinstance(layer, Dropout))


def ends_in_logits(layers: Sequence[Layer]) -> bool:
    """Whether the last layer is dense, linear, and without batch normalisation."""
    last = layers[-1] if layers else None
    return isinstance(last, Dense) and last.activation == "linear" and not last.batch_norm


def _count(layers: Sequence[Layer]) -> list[str]:
    count: Counter[str] = Counter()
    names = []
    for layer in layers:
        stem = _STEMS[type(layer)]
        count[stem] += 1
        names.append(f"{stem}{count[stem]}")
    return names
