"""From an architecture to Keras models: the one that is trained, and the one that is served.

They differ in batch normalisation and dropout, which exist in training alone; `fold_batch_norm` takes the weights of
the first into the second without changing what it computes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from architectures.architecture import Architecture, inner_layers, projection_name
from architectures.arithmetic import layer_table
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
from training.networks.keras_layers import first_principles_layer, kernel_layer, pool_layer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from architectures.architecture import NamedLayer

# Keras' 0.99 would remember the first hundred steps of a run; twenty batches are pictures enough for mean and variance.
NORM_MOMENTUM = 0.95


def build_trained(architecture: Architecture, input_shape: Sequence[int]) -> keras.Model:
    """The model to train: float32 pictures (N, H, W, C) in [0, 1] to logits (N, K). Its weights come of Keras' seed.

    Raises `ConfigurationError` when a layer does not fit.
    """
    return _build(architecture, input_shape, training=True, name=f"{architecture.name}_trained")


def build_served(architecture: Architecture, input_shape: Sequence[int]) -> keras.Model:
    """The model to serve, of the same input and output: kernels, biases and activations, no batch norm, no dropout."""
    return _build(architecture, input_shape, training=False, name=architecture.name)


def fold_batch_norm(trained: keras.Model, architecture: Architecture) -> keras.Model:
    """The served model with the weights of `trained`, batch normalisation folded into kernels and biases.

    In inference γ (W·x - μ) / √(σ² + ε) + β is again linear in x, with kernel W·γ/√(σ² + ε) and bias
    β - μ·γ/√(σ² + ε). Source: Ioffe and Szegedy, "Batch Normalization" (2015), algorithm 2, line 11; computed in
    float64 and rounded once.
    """
    served = build_served(architecture, trained.input_shape[1:])
    norms = {layer.name: layer for layer in trained.layers if isinstance(layer, keras.layers.BatchNormalization)}
    for layer in served.layers:
        if not layer.weights:
            continue
        weights = trained.get_layer(layer.name).get_weights()
        norm = norms.get(_norm_name(layer.name))
        layer.set_weights(weights if norm is None else _folded(weights[0], norm))
        if not architecture.first_principles:  # those know only weights
            # It has a seed, so that it can draw again what training began with.
            layer.kernel_initializer = trained.get_layer(layer.name).kernel_initializer
    return served


def _build(architecture: Architecture, input_shape: Sequence[int], *, training: bool, name: str) -> keras.Model:
    layer_table(architecture, input_shape)
    inputs = keras.Input(tuple(input_shape), name="pixels")
    builder = _Builder(training=training, first_principles=architecture.first_principles)
    return keras.Model(inputs, builder.chain(architecture.named_layers(), inputs), name=name)


@dataclass(frozen=True)
class _Builder:
    training: bool
    first_principles: bool

    def chain(self, named: Sequence[NamedLayer], values: Any) -> Any:
        for name, layer in named:
            values = self.layer(name, layer, values)
        return values

    def layer(self, name: str, layer: Layer, values: Any) -> Any:
        match layer:
            case Conv() | Dense():
                return self.kernel(name, layer, values)
            case MaxPool() | AvgPool():
                return (first_principles_layer if self.first_principles else pool_layer)(name, layer)(values)
            case Residual():
                return self.residual(name, layer, values)
            case Activation(function=function):
                return keras.layers.Activation(function, name=name)(values)
            case Flatten():
                return keras.layers.Flatten(name=name)(values)
            case GlobalAvgPool():
                return keras.layers.GlobalAveragePooling2D(name=name)(values)
            case Dropout(rate=rate):
                return keras.layers.Dropout(rate, name=name)(values) if self.training else values

    def kernel(self, name: str, layer: Conv | Dense, values: Any) -> Any:
        if self.first_principles:
            return first_principles_layer(name, layer)(values)
        if not (layer.batch_norm and self.training):
            return kernel_layer(name, layer, activation=layer.activation, use_bias=True)(values)
        values = kernel_layer(name, layer, activation="linear", use_bias=False)(values)
        values = keras.layers.BatchNormalization(momentum=NORM_MOMENTUM, name=_norm_name(name))(values)
        return keras.layers.Activation(layer.activation, name=f"{name}_activation")(values)

    def residual(self, name: str, layer: Residual, values: Any) -> Any:
        changed = self.chain(inner_layers(name, layer), values)
        projection = layer.projection(values.shape[1:], changed.shape[1:])
        if projection is not None:
            values = self.kernel(projection_name(name), projection, values)
        if layer.activation == "linear":
            return keras.layers.Add(name=name)([values, changed])
        added = keras.layers.Add(name=f"{name}_sum")([values, changed])
        return keras.layers.Activation(layer.activation, name=name)(added)


def _norm_name(name: str) -> str:
    return f"{name}_norm"


def _folded(kernel: NDArray[np.float32], norm: Any) -> list[NDArray[np.float32]]:
    gamma, beta, mean, variance = (np.asarray(weight, np.float64) for weight in norm.get_weights())
    scale = gamma / np.sqrt(variance + norm.epsilon)
    # The output channel is the last axis of a kernel, of a convolution as of a dense layer.
    return [(kernel * scale).astype(np.float32), (beta - mean * scale).astype(np.float32)]
