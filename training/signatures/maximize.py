"""Activation maximisation and DeepDream: pictures changed until they excite a layer's channel the most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from training.signatures import Layers, Tensors


def maximize(layers: Layers, names: Sequence[str]) -> Callable[..., Tensors]:
    """Gradient ascent on pixels, towards the mean over all places of one channel of one of the layers `names`.

    Takes `pixels` float32 (N, H, W, C) in [0, 1] to start from, and scalars: `layer` int32, an index into `names`;
    `channel` int32, for a layer without places the unit; `steps` int32; `rate` float32, by how much a step changes a
    pixel (root mean square); `share` float32 in (0, 1], the resolution of the changes as a share of the picture's: the
    octaves of a dream are calls with one share after another, coarse ones first. Gives `pictures` of the shape of
    `pixels`, in [0, 1], and the channel's mean `before` and `after`, float32 (N). Where the gradient vanishes, a picture
    stays as it is.

    Sources: Erhan et al., "Visualizing Higher-Layer Features of a Deep Network" (2009), section 3; for the normalised
    gradient and the octaves, Mordvintsev, Olah and Tyka, "Inceptionism" (2015).
    """

    def excitement(pixels: Any, layer: Any, channel: Any) -> Any:
        outputs = layers(pixels)
        # Every layer's channel, weighted by 0 or 1: simpler than a graph that branches, and these nets are small.
        chosen = tf.one_hot(layer, len(names))
        return tf.add_n([chosen[index] * _channel(outputs[name], channel) for index, name in enumerate(names)])

    def signature(pixels: Any, layer: Any, channel: Any, steps: Any, rate: Any, share: Any) -> Tensors:
        height, width = pixels.shape[1:3]
        coarse = tf.maximum(tf.cast(tf.round(share * (float(height), float(width))), tf.int32), 1)

        def step(count: Any, current: Any) -> tuple[Any, Any]:
            with tf.GradientTape() as tape:
                tape.watch(current)
                excited = tf.reduce_sum(excitement(current, layer, channel))
            gradient = tape.gradient(excited, current)
            # Without what is finer than a picture of that size can show; the same where it is the full size.
            uphill = tf.image.resize(tf.image.resize(gradient, coarse, "area"), (height, width), "bilinear")
            size = tf.sqrt(tf.reduce_mean(tf.square(uphill), axis=(1, 2, 3), keepdims=True))
            moved = current + rate * tf.math.divide_no_nan(uphill, size)
            return count + 1, tf.clip_by_value(moved, 0.0, 1.0)

        _, pictures = tf.while_loop(lambda count, _: count < steps, step, (0, pixels))
        # In one call: loading a SavedModel takes time for every copy of the net in it.
        before, after = tf.split(excitement(tf.concat([pixels, pictures], axis=0), layer, channel), 2)
        return {"pictures": pictures, "before": before, "after": after}

    return signature


def _channel(output: Any, channel: Any) -> Any:
    """(N,): the channel's mean over all places; 0 where there is no such channel."""
    places = tf.range(1, tf.rank(output) - 1)
    means = tf.reduce_mean(output, axis=places)
    return tf.linalg.matvec(means, tf.one_hot(channel, output.shape[-1]))
