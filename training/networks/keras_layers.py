"""From a layer's value to the Keras layer that computes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from architectures.layers import AvgPool, Conv, Dense, MaxPool
from training.errors import ConfigurationError

if TYPE_CHECKING:
    from numpy.typing import NDArray

# He's initialisation keeps the variance through ReLU layers (He et al., "Delving Deep into Rectifiers", 2015), LeCun's
# is what selu was made for (Klambauer et al., "Self-Normalizing Neural Networks", 2017), Glorot's the one for the rest.
_INITIALIZERS = {
    **dict.fromkeys(("relu", "leaky_relu", "relu6", "elu", "gelu", "silu", "mish"), "he_normal"),
    "selu": "lecun_normal",
}


def kernel_layer(name: str, layer: Conv | Dense, *, activation: str, use_bias: bool) -> Any:
    """A convolution or a fully connected layer; `activation` is `linear` where batch normalisation comes before it."""
    common = {
        "activation": activation,
        "use_bias": use_bias,
        "kernel_initializer": _INITIALIZERS.get(layer.activation, "glorot_uniform"),
        "name": name,
    }
    if isinstance(layer, Dense):
        return keras.layers.Dense(layer.units, **common)
    if isinstance(layer.padding, int):
        return PaddedConv2D(layer.filters, layer.kernel, strides=layer.stride, pixels=layer.padding, **common)
    return keras.layers.Conv2D(layer.filters, layer.kernel, strides=layer.stride, padding=layer.padding, **common)


def pool_layer(name: str, layer: MaxPool | AvgPool) -> Any:
    """A pool, padded or not."""
    largest = isinstance(layer, MaxPool)
    if isinstance(layer.padding, int):
        padded = PaddedMaxPooling2D if largest else PaddedAveragePooling2D
        return padded(layer.size, strides=layer.stride, pixels=layer.padding, name=name)
    plain = keras.layers.MaxPooling2D if largest else keras.layers.AveragePooling2D
    return plain(layer.size, strides=layer.stride, padding=layer.padding, name=name)


def first_principles_layer(name: str, layer: Conv | Dense | MaxPool | AvgPool) -> Any:
    """The same layer out of `training.first_principles`. Raises `ConfigurationError` for what is not written there."""
    from training.first_principles import keras_layers as ours

    if isinstance(layer, Conv | Dense) and layer.batch_norm:
        raise ConfigurationError(f"{name}: there is no batch normalisation from first principles")
    if isinstance(layer, Dense):
        return ours.Dense(layer.units, activation=layer.activation, name=name)
    if isinstance(layer, Conv):
        return ours.Conv2D(layer.filters, layer.kernel, layer.stride, layer.padding, layer.activation, name=name)
    if layer.padding not in ("valid", 0):
        raise ConfigurationError(f"{name}: pools from first principles have no padding")
    kind = ours.MaxPool2D if isinstance(layer, MaxPool) else ours.AveragePool2D
    return kind(layer.size, layer.stride, name=name)


@keras.saving.register_keras_serializable(package="digits")
class PaddedConv2D(keras.layers.Conv2D):  # type: ignore[misc] # Keras has no types
    """A convolution with `pixels` of zeros on each side."""

    def __init__(self, filters: int, kernel_size: Any, *, pixels: int, **options: Any) -> None:
        self.pixels = pixels
        super().__init__(filters, kernel_size, **options)

    def call(self, inputs: Any) -> Any:
        return super().call(_pad(inputs, self.pixels, 0.0))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return super().compute_output_shape(_padded_shape(input_shape, self.pixels))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "pixels": self.pixels}


@keras.saving.register_keras_serializable(package="digits")
class PaddedMaxPooling2D(keras.layers.MaxPooling2D):  # type: ignore[misc] # Keras has no types
    """A max-pool with `pixels` on each side that never are the largest."""

    def __init__(self, pool_size: Any, *, pixels: int, **options: Any) -> None:
        self.pixels = pixels
        super().__init__(pool_size, **options)

    def call(self, inputs: Any) -> Any:
        return super().call(_pad(inputs, self.pixels, -np.inf))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return super().compute_output_shape(_padded_shape(input_shape, self.pixels))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "pixels": self.pixels}


@keras.saving.register_keras_serializable(package="digits")
class PaddedAveragePooling2D(keras.layers.AveragePooling2D):  # type: ignore[misc] # Keras has no types
    """An average-pool with `pixels` on each side that are not counted in."""

    def __init__(self, pool_size: Any, *, pixels: int, **options: Any) -> None:
        self.pixels = pixels
        super().__init__(pool_size, **options)

    def call(self, inputs: Any) -> Any:
        weights = edge_weights(inputs.shape[1:3], self.pool_size[0], self.strides[0], self.pixels)
        return super().call(_pad(inputs, self.pixels, 0.0)) * weights

    def compute_output_shape(self, input_shape: Any) -> Any:
        return super().compute_output_shape(_padded_shape(input_shape, self.pixels))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "pixels": self.pixels}


def edge_weights(sides: tuple[int, int], size: int, stride: int, pixels: int) -> NDArray[np.float32]:
    """What makes the means of zero-padded windows those of the picture's own pixels: float32 (H', W', 1)."""
    shares = []
    for side in sides:
        starts = np.arange(0, side + 2 * pixels - size + 1, stride) - pixels
        shares.append((np.minimum(starts + size, side) - np.maximum(starts, 0)) / size)
    return (1.0 / np.outer(*shares))[..., None].astype(np.float32)


def _pad(inputs: Any, pixels: int, value: float) -> Any:
    return keras.ops.pad(inputs, [[0, 0], [pixels, pixels], [pixels, pixels], [0, 0]], constant_values=value)


def _padded_shape(shape: Any, pixels: int) -> Any:
    count, height, width, channels = shape
    return count, height + 2 * pixels, width + 2 * pixels, channels
