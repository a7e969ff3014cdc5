"""Grad-CAM: where in the picture the convolutions found what speaks for a class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

from training.pipeline import to_pixels

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from training.signatures import Layers, Tensors


def grad_cam(layers: Layers, names: Sequence[str]) -> Callable[[Any, Any], Tensors]:
    """A map float32 (N, H, W) for each of the layers `names`, which give feature maps, by the layer's name.

    Takes `images` uint8 (N, H, W, C) and `classes` int32 (N). With A the layer's output and w_k the mean over all places
    of ∂ logit / ∂ A_k, the map is max(0, Σ_k w_k · A_k), enlarged bilinearly to the picture's size.
    Source: Selvaraju et al., "Grad-CAM" (2017), equations 1 and 2.
    """

    def signature(images: Any, classes: Any) -> Tensors:
        pixels = to_pixels(images)
        with tf.GradientTape() as tape:
            tape.watch(pixels)
            outputs = layers(pixels)
            logits = outputs["logits"]
            asked_for = tf.reduce_sum(logits * tf.one_hot(classes, logits.shape[1]))
        maps = [outputs[name] for name in names]
        return {
            name: _enlarged(_map(output, gradient), pixels.shape[1:3])
            for name, output, gradient in zip(names, maps, tape.gradient(asked_for, maps), strict=True)
        }

    return signature


def _map(output: Any, gradient: Any) -> Any:
    weights = tf.reduce_mean(gradient, axis=(1, 2), keepdims=True)
    return tf.nn.relu(tf.reduce_sum(weights * output, axis=3, keepdims=True))


def _enlarged(maps: Any, size: Any) -> Any:
    return tf.image.resize(maps, size, method="bilinear")[..., 0]
