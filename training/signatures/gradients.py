"""Which pixels an answer hangs on, told by gradients: saliency, SmoothGrad, integrated gradients.

Each signature takes `images` uint8 (N, H, W, C) and `classes` int32 (N), and gives a map float32 (N, H, W) of the logit
of the class asked for; all zero for a class that does not exist.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

from training.pipeline import to_pixels

if TYPE_CHECKING:
    from collections.abc import Callable

    from training.signatures import Layers, Tensors

SMOOTHGRAD_COPIES = 32
SMOOTHGRAD_NOISE = 0.15  # standard deviation, in pixel values of [0, 1]
INTEGRATION_STEPS = 64
_NOISE_SEED = (19, 17)


def asked_logits(layers: Layers, pixels: Any, classes: Any) -> Any:
    """Float32 (N,): each picture's logit of the class asked for, 0 for one that does not exist."""
    logits = layers(pixels)["logits"]
    return tf.reduce_sum(logits * tf.one_hot(classes, logits.shape[1]), axis=1)


def slopes(layers: Layers, pixels: Any, classes: Any) -> Any:
    """∂ logit / ∂ pixel, of the shape of `pixels`."""
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        # Pictures do not influence each other, so the gradient of the sum is each picture's own.
        asked_for = tf.reduce_sum(asked_logits(layers, pixels, classes))
    return tape.gradient(asked_for, pixels)


def saliency(layers: Layers) -> Callable[[Any, Any], Tensors]:
    """`saliency`: |∂ logit / ∂ pixel|, the largest over the colour channels, for pixels in [0, 1].

    Source: Simonyan, Vedaldi and Zisserman, "Deep Inside Convolutional Networks" (2013), section 3.1.
    """

    def signature(images: Any, classes: Any) -> Tensors:
        return {"saliency": _strongest(slopes(layers, to_pixels(images), classes))}

    return signature


def smoothgrad(layers: Layers) -> Callable[[Any, Any], Tensors]:
    """`smoothgrad`: saliency of the gradient's mean over noisy copies of the picture, always with the same noise.

    Source: Smilkov et al., "SmoothGrad: removing noise by adding noise" (2017), section 3.
    """

    def signature(images: Any, classes: Any) -> Tensors:
        pixels = to_pixels(images)
        shape = (SMOOTHGRAD_COPIES, *pixels.shape[1:])
        noise = tf.random.stateless_normal(shape, _NOISE_SEED, stddev=SMOOTHGRAD_NOISE)

        # One picture at a time bounds the memory that a batch of them takes.
        def of_one(given: tuple[Any, Any]) -> Any:
            picture, wanted = given
            copies = picture[None] + noise
            return tf.reduce_mean(slopes(layers, copies, tf.fill((SMOOTHGRAD_COPIES,), wanted)), axis=0)

        mean = tf.map_fn(of_one, (pixels, classes), fn_output_signature=_like_one(pixels))
        return {"smoothgrad": _strongest(mean)}

    return signature


def integrated_gradients(layers: Layers) -> Callable[[Any, Any], Tensors]:
    """`integrated_gradients`: what each pixel adds to the logit on the way from black to the picture, with its sign.

    The integral is taken by the midpoint rule in `INTEGRATION_STEPS` steps. The map sums to nearly the second output,
    `difference` float32 (N,): the picture's logit less that of black.
    Source: Sundararajan, Taly and Yan, "Axiomatic Attribution for Deep Networks" (2017), equations 1 and 3.
    """

    def signature(images: Any, classes: Any) -> Tensors:
        pixels = to_pixels(images)
        share = (tf.range(INTEGRATION_STEPS, dtype=tf.float32) + 0.5) / INTEGRATION_STEPS

        def of_one(given: tuple[Any, Any]) -> Any:
            picture, wanted = given
            on_the_way = picture[None] * share[:, None, None, None]
            return tf.reduce_mean(slopes(layers, on_the_way, tf.fill((INTEGRATION_STEPS,), wanted)), axis=0)

        mean = tf.map_fn(of_one, (pixels, classes), fn_output_signature=_like_one(pixels))
        black = tf.zeros_like(pixels)
        return {
            "integrated_gradients": tf.reduce_sum(mean * pixels, axis=3),
            "difference": asked_logits(layers, pixels, classes) - asked_logits(layers, black, classes),
        }

    return signature


def _strongest(gradients: Any) -> Any:
    return tf.reduce_max(tf.abs(gradients), axis=3)


def _like_one(pixels: Any) -> Any:
    return tf.TensorSpec(pixels.shape[1:], tf.float32)
