"""From an architecture to Keras models: the one that is trained, and the one that is served.

They differ in batch normalisation and dropout, which exist in training alone; `fold_batch_norm` takes the weights of
the first into the second without changing what it computes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from training.architecture.arithmetic import layer_table
from training.architecture.layers import Architecture, Conv, Dense, Dropout, Flatten

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

# Keras' 0.99 would remember the first hundred steps of a run; twenty batches are pictures enough for mean and variance.
NORM_MOMENTUM = 0.95


def build_trained(architecture: Architecture, input_shape: Sequence[int]) -> keras.Model:
    """The model to train: float32 pictures (N, H, W, C) in [0, 1] to logits (N, K). Its weights come of Keras' seed.

    Raises `ConfigurationError` when a layer does not fit.
    """
    layer_table(architecture, input_shape)
    inputs = outputs = keras.Input(tuple(input_shape), name="pixels")
    for name, layer in architecture.named_layers():
        match layer:
            case Conv() | Dense():
                if layer.batch_norm:
                    outputs = _kernel_layer(name, layer, activation="linear", use_bias=False)(outputs)
                    outputs = keras.layers.BatchNormalization(momentum=NORM_MOMENTUM, name=_norm_name(name))(outputs)
                    outputs = keras.layers.Activation(layer.activation, name=f"{name}_activation")(outputs)
                else:
                    outputs = _kernel_layer(name, layer, activation=layer.activation, use_bias=True)(outputs)
            case Dropout():
                outputs = keras.layers.Dropout(layer.rate, name=name)(outputs)
            case Flatten():
                outputs = keras.layers.Flatten(name=name)(outputs)
    return keras.Model(inputs, outputs, name=f"{architecture.name}_trained")


def build_served(architecture: Architecture, input_shape: Sequence[int]) -> keras.Model:
    """The model to serve, of the same input and output: kernels, biases and activations and nothing else."""
    layer_table(architecture, input_shape)
    inputs = outputs = keras.Input(tuple(input_shape), name="pixels")
    for name, layer in architecture.served_layers():
        match layer:
            case Conv() | Dense():
                outputs = _kernel_layer(name, layer, activation=layer.activation, use_bias=True)(outputs)
            case Flatten():
                outputs = keras.layers.Flatten(name=name)(outputs)
            case _:
                raise AssertionError(f"{name} is not part of a served model")
    return keras.Model(inputs, outputs, name=architecture.name)


def fold_batch_norm(trained: keras.Model, architecture: Architecture) -> keras.Model:
    """The served model with the weights of `trained`, batch normalisation folded into kernels and biases.

    In inference γ (W·x - μ) / √(σ² + ε) + β is again linear in x, with kernel W·γ/√(σ² + ε) and bias
    β - μ·γ/√(σ² + ε). Source: Ioffe and Szegedy, "Batch Normalization" (2015), algorithm 2, line 11; computed in
    float64 and rounded once.
    """
    served = build_served(architecture, trained.input_shape[1:])
    for name, layer in architecture.served_layers():
        if not isinstance(layer, Conv | Dense):
            continue
        weights = trained.get_layer(name).get_weights()
        if layer.batch_norm:
            weights = _folded(weights[0], trained.get_layer(_norm_name(name)))
        served.get_layer(name).set_weights(weights)
    return served


def _kernel_layer(name: str, layer: Conv | Dense, *, activation: str, use_bias: bool) -> Any:
    # He's initialisation keeps the variance through ReLU layers (He et al., "Delving Deep into Rectifiers", 2015).
    initializer = "he_normal" if layer.activation == "relu" else "glorot_uniform"
    if isinstance(layer, Conv):
        return keras.layers.Conv2D(
            layer.filters,
            layer.kernel,
            strides=layer.stride,
            padding=layer.padding,
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=initializer,
            name=name,
        )
    return keras.layers.Dense(
        layer.units, activation=activation, use_bias=use_bias, kernel_initializer=initializer, name=name
    )


def _norm_name(name: str) -> str:
    return f"{name}_norm"


def _folded(kernel: NDArray[np.float32], norm: Any) -> list[NDArray[np.float32]]:
    gamma, beta, mean, variance = (np.asarray(weight, np.float64) for weight in norm.get_weights())
    scale = gamma / np.sqrt(variance + norm.epsilon)
    # The output channel is the last axis of a kernel, of a convolution as of a dense layer.
    return [(kernel * scale).astype(np.float32), (beta - mean * scale).astype(np.float32)]
