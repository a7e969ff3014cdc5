"""The ops of this package as layers of Keras: what they compute is ours, what Keras adds is weights, names and saving.

Weights have the names, shapes and order of Keras' own layers, so one's weights can be given to the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from training.errors import ConfigurationError
from training.first_principles.convolution import conv2d
from training.first_principles.functions import dense, relu, sigmoid, softmax
from training.first_principles.geometry import Padding, slides
from training.first_principles.pooling import average_pool, max_pool

if TYPE_CHECKING:
    from collections.abc import Callable

    Shape = tuple[int | None, ...]

ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "linear": tf.identity,
    "relu": relu,
    "sigmoid": sigmoid,
    "softmax": softmax,
}

_registered = keras.saving.register_keras_serializable(package="first_principles")


class _Layer(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """A layer that can be saved: `settings` are its constructor's arguments but the name."""

    def __init__(self, name: str | None, settings: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.settings = settings

    def get_config(self) -> dict[str, Any]:
        config: dict[str, Any] = super().get_config()
        return config | self.settings

    def add_kernel(self, shape: tuple[int, ...], units: int, activation: str) -> None:
        # He's initialisation keeps the variance through ReLU layers (He et al., "Delving Deep into Rectifiers", 2015).
        initializer = "he_normal" if activation == "relu" else "glorot_uniform"
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer=initializer)
        self.bias = self.add_weight(name="bias", shape=(units,), initializer="zeros")


@_registered
class Conv2D(_Layer):
    """`conv2d`, then the activation: (N, H, W, C) to (N, H', W', filters). `kernel` is the side of it, in pixels.

    Raises `ConfigurationError` when kernel, stride and padding do not fit the picture exactly.
    """

    def __init__(
        self,
        filters: int,
        kernel: int,
        stride: int = 1,
        padding: Padding = 0,
        activation: str = "linear",
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        settings = {
            "filters": _positive("filters", filters),
            "kernel": _positive("kernel", kernel),
            "stride": _positive("stride", stride),
            "padding": padding,
            "activation": _known(activation),
        }
        super().__init__(name, settings, **kwargs)
        self.filters, self.side, self.stride, self.padding = filters, kernel, stride, padding
        self.activation = activation

    def build(self, input_shape: Shape) -> None:
        _picture(self.name, input_shape)
        self.compute_output_shape(input_shape)
        shape = (self.side, self.side, int(input_shape[3] or 0), self.filters)
        self.add_kernel(shape, self.filters, self.activation)

    def call(self, images: Any) -> Any:
        sums = conv2d(images, self.kernel.value, self.bias.value, self.stride, self.padding)
        return ACTIVATIONS[self.activation](sums)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        height, width = _picture(self.name, input_shape)
        down, across = slides((height, width), (self.side, self.side), self.stride, self.padding)
        return (input_shape[0], down.places, across.places, self.filters)


class _Pool(_Layer):
    """(N, H, W, C) to (N, H', W', C). Raises `ConfigurationError` when windows do not fit exactly."""

    def __init__(self, size: int, stride: int | None = None, name: str | None = None, **kwargs: Any) -> None:
        stride = size if stride is None else stride
        settings = {"size": _positive("size", size), "stride": _positive("stride", stride)}
        super().__init__(name, settings, **kwargs)
        self.size, self.stride = size, stride

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        down, across = slides(_picture(self.name, input_shape), (self.size, self.size), self.stride, what="size")
        return (input_shape[0], down.places, across.places, input_shape[3])


@_registered
class MaxPool2D(_Pool):
    """`max_pool`; the stride is the size where it is not given."""

    def call(self, images: Any) -> Any:
        return max_pool(images, self.size, self.stride)


@_registered
class AveragePool2D(_Pool):
    """`average_pool`; the stride is the size where it is not given."""

    def call(self, images: Any) -> Any:
        return average_pool(images, self.size, self.stride)


@_registered
class Dense(_Layer):
    """`dense`, then the activation: (N, D) to (N, units). Raises `ConfigurationError` for anything but vectors."""

    def __init__(self, units: int, activation: str = "linear", name: str | None = None, **kwargs: Any) -> None:
        super().__init__(name, {"units": _positive("units", units), "activation": _known(activation)}, **kwargs)
        self.units, self.activation = units, activation

    def build(self, input_shape: Shape) -> None:
        self.compute_output_shape(input_shape)
        self.add_kernel((int(input_shape[1] or 0), self.units), self.units, self.activation)

    def call(self, x: Any) -> Any:
        return ACTIVATIONS[self.activation](dense(x, self.kernel.value, self.bias.value))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) != 2 or input_shape[1] is None:
            raise ConfigurationError(f"{self.name} takes vectors (N, D) and is given {tuple(input_shape)}.")
        return (input_shape[0], self.units)


def _picture(name: str, input_shape: Shape) -> tuple[int, int]:
    if len(input_shape) != 4 or None in input_shape[1:]:
        raise ConfigurationError(f"{name} takes pictures (N, H, W, C) and is given {tuple(input_shape)}.")
    _, height, width, _ = input_shape
    return int(height or 0), int(width or 0)


def _positive(argument: str, value: int) -> int:
    if value < 1:
        raise ConfigurationError(f"{argument} must be at least 1, not {value}.")
    return value


def _known(activation: str) -> str:
    if activation not in ACTIVATIONS:
        raise ConfigurationError(f"activation must be one of {', '.join(ACTIVATIONS)}, not {activation!r}.")
    return activation
