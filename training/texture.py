"""What pen, paper and scanner do to a picture: width and softness of the ink, gaps and grain, few or hard pixels.

In TensorFlow ops over whole batches. Blurring and resampling are products with a 28 × 28 matrix on either side, taken
for each picture from a small table, so that a batch of different amounts costs as much as one of equal ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from training.resampling import area_weights, gaussian_weights, interpolation_weights

if TYPE_CHECKING:
    from training.config import Augmentation

_BLURS_PX = (0.5, 0.7, 0.9, 1.1, 1.4)
_COARSE_SIDES_PX = (14, 16, 18, 20, 22, 24)
_CLOUDS = 7  # cells along a side of the unevenness of a pen


def worn(pixels: Any, amounts: Augmentation, seed: Any) -> Any:
    """`pixels` float32 (N, S, S, 1) in [0, 1], each changed by some of the amounts; same shape, dtype and range.

    `seed` is an int64 tensor of shape (2,); the same seed gives the same amounts.
    """
    count, side = tf.shape(pixels)[0], pixels.shape[1]
    draws = tf.random.stateless_uniform((18, count, 1, 1), seed)  # in [0, 1)
    values = pixels[..., 0]  # (N, S, S)
    values = _with_gaps(values, amounts.gaps, draws[0], draws[1:3])
    values = _with_line(values, amounts.lines, draws[3], draws[4:10])
    values = _by_another_pen(values, amounts.pen, draws[10], draws[11:14])
    values = _coarse(values, amounts.coarse, draws[14], draws[15:17])
    values = _uneven(values, amounts.grain, draws[17], seed + 1)
    return tf.reshape(values, (-1, side, side, 1))


def _by_another_pen(values: Any, share: float, which: Any, draws: Any) -> Any:
    """Blurred, and then, two times in three, cut off at a level: a low one makes strokes fat, a high one thin."""
    table = tf.constant(np.stack([gaussian_weights(values.shape[1], sigma) for sigma in _BLURS_PX]), tf.float32)
    blurred = _both_sides(tf.gather(table, _index(draws[0], len(_BLURS_PX))), values)
    blurred /= tf.maximum(tf.reduce_max(blurred, axis=(1, 2), keepdims=True), 1e-3)
    level, gain = 0.15 + 0.5 * draws[1], 1.5 + 6.0 * draws[2]
    cut = tf.clip_by_value((blurred - level) * gain + 0.5 * level, 0.0, 1.0)
    return tf.where(which < share * 2 / 3, cut, tf.where(which < share, blurred, values))


def _coarse(values: Any, share: float, which: Any, draws: Any) -> Any:
    """Brought down to 14 to 24 pixels a side, half of the time to black and white there, and back up."""
    side = values.shape[1]
    down = np.zeros((len(_COARSE_SIDES_PX), side, side), np.float32)
    up = np.zeros((len(_COARSE_SIDES_PX), side, side), np.float32)
    for i, small in enumerate(_COARSE_SIDES_PX):
        down[i, :small] = area_weights(side, small)
        up[i, :, :small] = area_weights(small, side)
    size = _index(draws[0], len(_COARSE_SIDES_PX))
    few = _both_sides(tf.gather(tf.constant(down), size), values)
    hard = tf.cast(few > 0.45 * tf.reduce_max(few, axis=(1, 2), keepdims=True), tf.float32)
    few = tf.where(draws[1] < 0.5, hard, few)
    return tf.where(which < share, _both_sides(tf.gather(tf.constant(up), size), few), values)


def _with_gaps(values: Any, share: float, which: Any, draws: Any) -> Any:
    """With one row and one column, or half of the time one of them, nearly without ink, as where a pen skipped."""
    side = values.shape[1]
    place = tf.cast(_index(draws, side), tf.float32)[:, :, None, None]
    axis = tf.range(side, dtype=tf.float32)
    row, column = tf.abs(axis[None, :, None] - place[0]) < 0.5, tf.abs(axis[None, None, :] - place[1]) < 0.5
    faint = tf.where(which < share * 0.7, row, False) | tf.where(which > share * 0.3, column, False)
    return tf.where((which < share) & faint, 0.2 * values, values)


def _with_line(values: Any, share: float, which: Any, draws: Any) -> Any:
    """With what is left of a ruled line: straight, thin, faint to full, near the edge of the ink."""
    side = values.shape[1]
    axis = tf.range(side, dtype=tf.float32)
    offset = 4.0 * draws[0] + tf.where(draws[1] < 0.5, 1.0, side - 6.0)  # px from the edge: 1 to 5
    tilt = (draws[2] - 0.5) * 0.1
    across = tf.where(draws[3] < 0.7, axis[None, :, None], axis[None, None, :])
    along = tf.where(draws[3] < 0.7, axis[None, None, :], axis[None, :, None])
    distance = tf.abs(across - offset - tilt * (along - side / 2))
    # From one end on, over more or less of the width.
    begins = tf.cast(along >= 0.6 * side * draws[4], tf.float32)
    line = (0.3 + 0.7 * draws[5]) * begins * tf.clip_by_value(1.2 - distance, 0.0, 1.0)
    return tf.where(which < share, tf.maximum(values, line), values)


def _uneven(values: Any, share: float, which: Any, seed: Any) -> Any:
    """Ink pale in places and pixels off by a little, as pencil, felt pen and paper leave them."""
    count, side = tf.shape(values)[0], values.shape[1]
    clouds = tf.random.stateless_uniform((count, _CLOUDS, _CLOUDS), seed)
    spread = tf.constant(interpolation_weights(_CLOUDS, side), tf.float32)
    pale = tf.einsum("ij,njk,lk->nil", spread, clouds, spread)
    grain = tf.random.stateless_uniform((count, side, side), seed + 1, -1.0, 1.0)
    strength = which / max(share, 1e-6)  # in [0, 1) for those chosen
    changed = values * (1.0 - 0.7 * strength * pale) * (1.0 + 0.5 * strength * grain) + 0.06 * strength * grain
    return tf.where(which < share, tf.clip_by_value(changed, 0.0, 1.0), values)


def _both_sides(matrices: Any, values: Any) -> Any:
    """M · x · Mᵀ, picture by picture."""
    return tf.linalg.matmul(tf.linalg.matmul(matrices, values), matrices, transpose_b=True)


def _index(draws: Any, size: int) -> Any:
    """Draws in [0, 1) of shape (…, 1, 1) as indices below `size`, without the two axes."""
    return tf.minimum(tf.cast(draws[..., 0, 0] * size, tf.int32), size - 1)
