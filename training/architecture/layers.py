"""The values of which an architecture is made. They say what a layer is, not how Keras builds it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal

Activation = Literal["relu", "linear"]
Padding = Literal["same", "valid"]


@dataclass(frozen=True)
class Conv:
    """A square 2-D convolution with bias, then the activation.

    `kernel` and `stride` are in pixels. `same` pads with zeros so that the output is ceil(input / stride) wide;
    `valid` pads nothing. With `batch_norm` the layer is trained with batch normalisation before its activation, which
    is folded into kernel and bias before the model is served.
    """

    filters: int
    kernel: int
    stride: int = 1
    padding: Padding = "same"
    activation: Activation = "relu"
    batch_norm: bool = True


@dataclass(frozen=True)
class Dense:
    """A fully connected layer with bias, then the activation; `batch_norm` as in `Conv`."""

    units: int
    activation: Activation = "relu"
    batch_norm: bool = True


@dataclass(frozen=True)
class Flatten:
    """(H, W, C) becomes (H·W·C,), the channel varying fastest."""


@dataclass(frozen=True)
class Dropout:
    """Zeroes this share of its input, in [0, 1), while training; does not exist in the served model."""

    rate: float


Layer = Conv | Dense | Flatten | Dropout

_STEMS: dict[type[Layer], str] = {Conv: "conv", Dense: "dense", Flatten: "flatten", Dropout: "dropout"}


@dataclass(frozen=True)
class Architecture:
    """A chain of layers; the last one gives one logit per class, so it is dense and linear.

    Raises `ValueError` when it does not.
    """

    name: str
    layers: tuple[Layer, ...]

    def __post_init__(self) -> None:
        last = self.layers[-1] if self.layers else None
        if not isinstance(last, Dense) or last.activation != "linear" or last.batch_norm:
            raise ValueError(f"{self.name} must end in a linear dense layer without batch normalisation: its logits")

    @property
    def classes(self) -> int:
        last = self.layers[-1]
        assert isinstance(last, Dense)  # noqa: S101 - __post_init__ has seen to it; this tells the type checker
        return last.units

    def named_layers(self) -> tuple[tuple[str, Layer], ...]:
        """Each layer with its name: `conv1`, `conv2`, `flatten1`, `dense1`, … and `logits` for the last."""
        count: Counter[str] = Counter()
        names = []
        for layer in self.layers:
            stem = _STEMS[type(layer)]
            count[stem] += 1
            names.append(f"{stem}{count[stem]}")
        names[-1] = "logits"
        return tuple(zip(names, self.layers, strict=True))

    def served_layers(self) -> tuple[tuple[str, Layer], ...]:
        """`named_layers` without those that exist in training alone."""
        return tuple((name, layer) for name, layer in self.named_layers() if not isinstance(layer, Dropout))
