"""The values of which an architecture is made. They say what a layer is, not how Keras builds it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from architectures.checks import require_choice, require_count, require_flag, require_share
from architectures.errors import ArchitectureError

ActivationName = Literal[
    "linear",
    "relu",
    "leaky_relu",
    "relu6",
    "elu",
    "selu",
    "gelu",
    "silu",
    "mish",
    "softplus",
    "softsign",
    "sigmoid",
    "hard_sigmoid",
    "tanh",
]
# What makes the output ⌈input / stride⌉ wide, or none.
NamedPadding = Literal["same", "valid"]
# The same, or pixels on each side.
Padding = int | NamedPadding


@dataclass(frozen=True)
class Conv:
    """A square 2-D convolution with bias, then the activation.

    `kernel` and `stride` are in pixels. `same` pads with zeros so that the output is ceil(input / stride) wide;
    `valid` pads nothing; a number is that many pixels of zeros on each side. With `batch_norm` the layer is trained
    with batch normalisation before its activation, which is folded into kernel and bias before the model is served.
    """

    filters: int
    kernel: int
    stride: int = 1
    padding: Padding = "same"
    activation: ActivationName = "relu"
    batch_norm: bool = False

    def __post_init__(self) -> None:
        require_count("filters", self.filters)
        require_count("kernel", self.kernel)
        require_count("stride", self.stride)
        require_padding(self.padding)
        require_choice("activation", self.activation, ActivationName)
        require_flag("batch_norm", self.batch_norm)


@dataclass(frozen=True)
class _Pool:
    """`size` and `stride` are in pixels; without a stride the windows lie side by side. Padding never counts."""

    size: int
    stride: int = 0
    padding: Padding = "valid"

    def __post_init__(self) -> None:
        require_count("size", self.size)
        if self.stride == 0:
            object.__setattr__(self, "stride", self.size)
        require_count("stride", self.stride)
        require_padding(self.padding)
        if isinstance(self.padding, int) and self.padding >= self.size:
            raise ArchitectureError(
                f"a padding of {self.padding} leaves windows of {self.size} without a pixel of the picture"
            )


@dataclass(frozen=True)
class MaxPool(_Pool):
    """The largest value of each square window; `padding` as in `Conv`, but a padded place never wins."""


@dataclass(frozen=True)
class AvgPool(_Pool):
    """The mean of each square window; `padding` as in `Conv`, but padded places are not counted in."""


@dataclass(frozen=True)
class Activation:
    """An activation where the layer before it has none, as after a pool."""

    function: ActivationName = "relu"

    def __post_init__(self) -> None:
        require_choice("function", self.function, ActivationName)


@dataclass(frozen=True)
class Dense:
    """A fully connected layer with bias, then the activation; `batch_norm` as in `Conv`."""

    units: int
    activation: ActivationName = "relu"
    batch_norm: bool = False

    def __post_init__(self) -> None:
        require_count("units", self.units)
        require_choice("activation", self.activation, ActivationName)
        require_flag("batch_norm", self.batch_norm)


@dataclass(frozen=True)
class Flatten:
    """(H, W, C) becomes (H·W·C,), the channel varying fastest."""


@dataclass(frozen=True)
class GlobalAvgPool:
    """(H, W, C) becomes (C,): the mean of each channel."""


@dataclass(frozen=True)
class Dropout:
    """Zeroes this share of its input, in [0, 1), while training; does not exist in the served model."""

    rate: float

    def __post_init__(self) -> None:
        require_share("rate", self.rate)


@dataclass(frozen=True)
class Residual:
    """Its input plus what the chain of `layers` makes of it, then the activation.

    Where the two differ in shape, a 1 × 1 convolution of the chain's whole stride brings the input to the chain's
    shape; `batch_norm` is this projection's. Source: He et al., "Deep Residual Learning for Image Recognition" (2015),
    section 3.3, option B.
    """

    layers: tuple[Layer, ...]
    activation: ActivationName = "linear"
    batch_norm: bool = False

    def __post_init__(self) -> None:
        require_choice("activation", self.activation, ActivationName)
        require_flag("batch_norm", self.batch_norm)
        if not any(isinstance(layer, Conv) for layer in self.layers):
            raise ArchitectureError("a residual block needs a convolution among its layers")
        for layer in self.layers:
            if not isinstance(layer, Conv | MaxPool | AvgPool | Activation | Dropout):
                raise ArchitectureError(f"a residual block cannot hold {type(layer).__name__}: it is of pictures")

    @property
    def stride(self) -> int:
        """The product of its layers' strides."""
        product = 1
        for layer in self.layers:
            if isinstance(layer, Conv | MaxPool | AvgPool):
                product *= layer.stride
        return product

    def projection(self, input_shape: tuple[int, ...], output_shape: tuple[int, ...]) -> Conv | None:
        """What brings the input (H, W, C) to the shape of the chain's output; None where they agree."""
        if tuple(input_shape) == tuple(output_shape):
            return None
        return Conv(output_shape[2], 1, self.stride, "same", "linear", self.batch_norm)


Layer = Conv | MaxPool | AvgPool | Activation | Flatten | GlobalAvgPool | Dense | Dropout | Residual


def require_padding(padding: object) -> None:
    """Raise `ArchitectureError` unless it is `same`, `valid` or a number of pixels."""
    if padding in ("same", "valid") or (type(padding) is int and padding >= 0):
        return
    raise ArchitectureError(f"padding must be 'same', 'valid' or a number of pixels, not {padding!r}")
