"""The served graph, layer by layer, in as few TensorFlow ops as it takes.

Keras' own layers compute the same with ops of their own around each one (a bias that is reshaped and squeezed, a
shape that is taken apart and put together again). For one picture on one core those cost about an eighth of the
model's time, and a service answers one picture more often than not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from architectures.architecture import inner_layers, projection_name, served
from architectures.layers import (
    Activation,
    ActivationName,
    AvgPool,
    Conv,
    Dense,
    Flatten,
    GlobalAvgPool,
    Layer,
    MaxPool,
    Padding,
    Residual,
)
from training.networks.keras_layers import edge_weights

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import keras

    from architectures.architecture import Architecture, NamedLayer
    from training.initial_weights import InitialWeights

# As Keras has them: its leaky_relu has a slope of 0.2, its gelu is the exact one.
ACTIVATIONS: dict[ActivationName, Callable[[Any], Any]] = {
    "linear": lambda values: values,
    "relu": tf.nn.relu,
    "leaky_relu": tf.nn.leaky_relu,
    "relu6": tf.nn.relu6,
    "elu": tf.nn.elu,
    "selu": tf.nn.selu,
    "gelu": tf.nn.gelu,
    "silu": tf.nn.silu,
    "mish": lambda values: values * tf.math.tanh(tf.math.softplus(values)),
    "softplus": tf.math.softplus,
    "softsign": tf.nn.softsign,
    "sigmoid": tf.math.sigmoid,
    "hard_sigmoid": lambda values: tf.nn.relu6(values + 3.0) / 6.0,
    "tanh": tf.math.tanh,
}


def layer_outputs(model: keras.Model | InitialWeights, architecture: Architecture, pixels: Any) -> dict[str, Any]:
    """What each layer of the served `model` gives for `pixels` float32 (N, H, W, C) in [0, 1], by the layer's name.

    In the order of `layer_table`; the last is `logits` (N, K). The values are those of `model` itself.
    """
    forward = _Forward(model, _from_first_principles if architecture.first_principles else _by_tensorflow, {})
    # AutoGraph would rewrite all this Python into graph control flow, of which it needs none, and cannot rewrite `match`.
    tf.autograph.experimental.do_not_convert(forward.chain)(architecture.served_layers(), pixels)
    return forward.outputs


@dataclass(frozen=True)
class _Forward:
    """Computes layer after layer with `compute(name, layer, its Keras layer, values)` and keeps every output."""

    model: keras.Model | InitialWeights
    compute: Callable[[str, Layer, Any, Any], Any]
    outputs: dict[str, Any]

    def chain(self, named: Sequence[NamedLayer], values: Any) -> Any:
        for name, layer in named:
            values = self.outputs[name] = self.layer(name, layer, values)
        return values

    def layer(self, name: str, layer: Layer, values: Any) -> Any:
        if not isinstance(layer, Residual):
            return self.compute(name, layer, self.model.get_layer(name), values)
        changed = self.chain(served(inner_layers(name, layer)), values)
        projection = layer.projection(tuple(values.shape[1:]), tuple(changed.shape[1:]))
        if projection is not None:
            values = self.chain([(projection_name(name), projection)], values)
        return ACTIVATIONS[layer.activation](values + changed)


def _by_tensorflow(name: str, layer: Layer, weights: Any, values: Any) -> Any:
    match layer:
        case Conv(stride=stride, padding=padding, activation=activation):
            sums = tf.nn.conv2d(values, weights.kernel.value, stride, _padding(padding))
            return ACTIVATIONS[activation](tf.nn.bias_add(sums, weights.bias.value))
        case Dense(activation=activation):
            sums = tf.linalg.matmul(values, weights.kernel.value)
            return ACTIVATIONS[activation](tf.nn.bias_add(sums, weights.bias.value))
        case MaxPool(size=size, stride=stride, padding=padding):
            return tf.nn.max_pool2d(values, size, stride, _padding(padding))
        case AvgPool(size=size, stride=stride, padding=padding):
            if not isinstance(padding, int):
                return tf.nn.avg_pool2d(values, size, stride, _padding(padding))
            means = tf.nn.avg_pool2d(tf.pad(values, _sides(padding)), size, stride, "VALID")
            return means * edge_weights(values.shape[1:3], size, stride, padding)
        case Activation(function=function):
            return ACTIVATIONS[function](values)
        case Flatten():
            return tf.reshape(values, (-1, math.prod(values.shape[1:])))
        case GlobalAvgPool():
            return tf.reduce_mean(values, axis=(1, 2))
        case _:
            raise AssertionError(f"{name} is not part of a served model")


def _from_first_principles(name: str, layer: Layer, weights: Any, values: Any) -> Any:
    if isinstance(layer, Conv | Dense | MaxPool | AvgPool):
        return weights.call(values)  # what these compute is written in plain ops already
    return _by_tensorflow(name, layer, weights, values)


def _padding(padding: Padding) -> Any:
    return _sides(padding) if isinstance(padding, int) else padding.upper()


def _sides(pixels: int) -> list[list[int]]:
    return [[0, 0], [pixels, pixels], [pixels, pixels], [0, 0]]
