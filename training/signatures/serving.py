"""What is asked most: probabilities and energy; and the layers' outputs and weights as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

from training.pipeline import to_pixels

if TYPE_CHECKING:
    from collections.abc import Callable

    import keras

    from training.signatures import Layers, Tensors


def serving_default(layers: Layers, temperature: float) -> Callable[[Any], Tensors]:
    """`probabilities` float32 (N, K), softmax(logits / temperature), and `energy` float32 (N), of `images` uint8.

    The energy is -T · ln Σ exp(logit / T): low for what resembles the training data (see `training.calibrate.energy`).
    """

    def signature(images: Any) -> Tensors:
        scaled = layers(to_pixels(images))["logits"] / temperature  # (N, K)
        probabilities = tf.nn.softmax(scaled)
        # ln Σ exp(z) = z - ln softmax(z) for any class; the likeliest one's probability is at least 1 / K, so its
        # logarithm is exact, and this is half the ops of a reduce_logsumexp.
        log_sum = tf.reduce_max(scaled, axis=1) - tf.math.log(tf.reduce_max(probabilities, axis=1))
        return {"probabilities": probabilities, "energy": -temperature * log_sum}

    return signature


def activations(layers: Layers) -> Callable[[Any], Tensors]:
    """Every layer's output for `images` uint8 (N, H, W, C), by the layer's name."""

    def signature(images: Any) -> Tensors:
        return layers(to_pixels(images))

    return signature


def filters(model: keras.Model) -> Callable[[], Tensors]:
    """Every kernel and bias, as `<layer>/kernel`."""

    def signature() -> Tensors:
        return {
            f"{layer.name}/{weight.name}": tf.identity(weight.value)
            for layer in model.layers
            for weight in layer.weights
        }

    return signature
