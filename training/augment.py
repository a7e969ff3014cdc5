"""Pictures as people might also have written them: turned, scaled, slanted, moved, and with another pen.

Everything is a function of its seed, in TensorFlow ops over whole batches: about 0.02 ms a picture on one core.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from training.texture import worn

if TYPE_CHECKING:
    from training.config import Augmentation


_APART = 1_000_003  # so that texture is drawn from other numbers than shape
_FLIP = 2_000_003


def augment(pixels: Any, amounts: Augmentation, seed: Any) -> Any:
    """`pixels` float32 (N, H, W, C) in [0, 1], changed by random amounts; same shape, dtype and range.

    `seed` is an int64 tensor of shape (2,); the same seed gives the same amounts. What comes in from outside is 0.
    """
    count = tf.shape(pixels)[0]
    draws = tf.random.stateless_uniform((9, count), seed, -1.0, 1.0)
    if amounts.flip:
        mirrored = tf.random.stateless_uniform((count, 1, 1, 1), seed + _FLIP) < amounts.flip
        pixels = tf.where(mirrored, tf.reverse(pixels, axis=[2]), pixels)
    wider = tf.exp(draws[8] * math.log1p(amounts.aspect) / 2)
    moved = _warp(
        pixels,
        affine_transforms(
            angle_radians=draws[0] * (amounts.rotation_degrees * math.pi / 180.0),
            scale_x=(1.0 + draws[1] * amounts.scale) * wider,
            scale_y=(1.0 + draws[2] * amounts.scale) / wider,
            shear=draws[3] * amounts.shear,
            shift_x_px=draws[4] * amounts.shift_px,
            shift_y_px=draws[5] * amounts.shift_px,
            height=pixels.shape[1],
            width=pixels.shape[2],
        ),
    )
    thicker = _by_another_nib(moved, amounts.stroke, draws[6:8]) if amounts.stroke else moved
    return worn(thicker, amounts, seed + _APART) if amounts.changes_texture else thicker


def affine_transforms(
    *,
    angle_radians: Any,
    scale_x: Any,
    scale_y: Any,
    shear: Any,
    shift_x_px: Any,
    shift_y_px: Any,
    height: int,
    width: int,
) -> Any:
    """The eight numbers a picture that `ImageProjectiveTransformV3` wants, float32 (N, 8), from amounts of shape (N,).

    They map an output pixel to the input pixel it shows, about the picture's centre: the inverse of what is done to
    the picture, which is scaled, sheared by x += shear · y, turned clockwise as it is seen (y points down), and moved.
    """
    cos, sin = tf.cos(angle_radians), tf.sin(angle_radians)
    # The inverse of  R(angle) · [[1, shear], [0, 1]] · diag(scale_x, scale_y).
    a = (cos + shear * sin) / scale_x
    b = (sin - shear * cos) / scale_x
    c = -sin / scale_y
    d = cos / scale_y
    centre_x, centre_y = (width - 1) / 2, (height - 1) / 2
    from_x, from_y = centre_x + shift_x_px, centre_y + shift_y_px
    zero = tf.zeros_like(a)
    return tf.stack(
        [a, b, centre_x - a * from_x - b * from_y, c, d, centre_y - c * from_x - d * from_y, zero, zero], axis=1
    )


def _warp(pixels: Any, transforms: Any) -> Any:
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=pixels,
        transforms=transforms,
        output_shape=pixels.shape[1:3],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )


def _by_another_nib(moved: Any, share: float, draws: Any) -> Any:
    """`share` of the pictures with thicker strokes, and as many with thinner ones; `draws` (2, N) lie in [-1, 1)."""
    which = draws[0][:, None, None, None] * 0.5 + 0.5  # in [0, 1)
    strength = (draws[1][:, None, None, None] + 1.0) * 0.35  # in [0, 0.7): a whole step is more than a pen makes
    thick, thin = _largest_around(moved), -_largest_around(-moved)
    target = tf.where(which < share, thick, tf.where(which < 2 * share, thin, moved))
    return moved + strength * (target - moved)


def _largest_around(pixels: Any) -> Any:
    """The largest of each pixel and its eight neighbours; TensorFlow's max-pooling takes six times as long."""
    rows = tf.pad(pixels, [[0, 0], [1, 1], [0, 0], [0, 0]], "SYMMETRIC")
    rows = tf.maximum(tf.maximum(rows[:, :-2], rows[:, 1:-1]), rows[:, 2:])
    both = tf.pad(rows, [[0, 0], [0, 0], [1, 1], [0, 0]], "SYMMETRIC")
    return tf.maximum(tf.maximum(both[:, :, :-2], both[:, :, 1:-1]), both[:, :, 2:])
