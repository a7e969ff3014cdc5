"""The served graph, layer by layer, in as few TensorFlow ops as it takes.

Keras' own layers compute the same with ops of their own around each one (a bias that is reshaped and squeezed, a
shape that is taken apart and put together again). For one picture on one core those cost about an eighth of the
model's time, and a service answers one picture more often than not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

from training.architecture.layers import Conv, Dense, Flatten

if TYPE_CHECKING:
    import keras

    from training.architecture.layers import Activation, Architecture


def layer_outputs(model: keras.Model, architecture: Architecture, pixels: Any) -> dict[str, Any]:
    """What each layer of the served `model` gives for `pixels` float32 (N, H, W, C) in [0, 1], by the layer's name.

    In the order of the layers; the last is `logits` (N, K). The values are those of `model` itself.
    """
    outputs: dict[str, Any] = {}
    values = pixels
    for name, layer in architecture.served_layers():
        values = _apply(layer, model.get_layer(name), values)
        outputs[name] = values
    return outputs


def _apply(layer: object, weights: Any, values: Any) -> Any:
    match layer:
        case Conv(stride=stride, padding=padding, activation=activation):
            sums = tf.nn.conv2d(values, weights.kernel.value, stride, padding.upper())
            return _activate(activation, tf.nn.bias_add(sums, weights.bias.value))
        case Dense(activation=activation):
            sums = tf.linalg.matmul(values, weights.kernel.value)
            return _activate(activation, tf.nn.bias_add(sums, weights.bias.value))
        case Flatten():
            return tf.reshape(values, (-1, values.shape[1:].num_elements()))
        case _:
            raise AssertionError(f"{layer} is not part of a served model")


def _activate(activation: Activation, values: Any) -> Any:
    return tf.nn.relu(values) if activation == "relu" else values
