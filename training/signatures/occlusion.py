"""Occlusion: how much an answer suffers when a patch of the picture is covered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from training.pipeline import to_pixels
from training.signatures.gradients import asked_logits

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from training.signatures import Layers, Tensors

PATCH_PX = 6
STRIDE_PX = 2


def occlusion(layers: Layers) -> Callable[[Any, Any], Tensors]:
    """`occlusion` float32 (N, H, W): by how much the logit falls on average when a patch over this pixel is black.

    Takes `images` uint8 (N, H, W, C) and `classes` int32 (N). The patches are squares of `PATCH_PX`, every `STRIDE_PX`.
    Source: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks" (2014), section 4.2.
    """

    def signature(images: Any, classes: Any) -> Tensors:
        pixels = to_pixels(images)
        height, width = pixels.shape[1:3]
        covers = patches(height, width)
        times = tf.reduce_sum(covers, axis=0)

        def of_one(given: tuple[Any, Any]) -> Any:
            picture, wanted = given
            asked = tf.fill((covers.shape[0],), wanted)
            covered = picture * (1.0 - covers[..., None])
            fall = asked_logits(layers, picture[None], asked[:1]) - asked_logits(layers, covered, asked)
            return tf.tensordot(fall, covers, axes=1) / times

        size = tf.TensorSpec((height, width), tf.float32)
        return {"occlusion": tf.map_fn(of_one, (pixels, classes), fn_output_signature=size)}

    return signature


def patches(height: int, width: int) -> Any:
    """Float32 (P, H, W): 1 where a patch covers; together they cover every pixel."""
    # Of strips across, which are a hundredth of the size: constants are stored in the graph.
    down, across = tf.constant(_strips(height)), tf.constant(_strips(width))
    return tf.reshape(down[:, None, :, None] * across[None, :, None, :], (-1, height, width))


def _strips(side: int) -> NDArray[np.float32]:
    """(P, side): 1 where a patch covers along one axis."""
    last = max(0, side - PATCH_PX)
    starts = np.array(sorted({*range(0, last, STRIDE_PX), last}))[:, None]
    places = np.arange(side)[None, :]
    return ((starts <= places) & (places < starts + PATCH_PX)).astype(np.float32)
