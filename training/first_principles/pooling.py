"""Pooling: each channel of each window becomes one number.

The largest of a square is the largest of its columns' largest, and with the mean it is the same. So both slide down
first and across what is left then, which takes 2k numbers for a window instead of k².
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from training.errors import ConfigurationError
from training.first_principles.geometry import Slide, slides

if TYPE_CHECKING:
    from collections.abc import Callable


def max_pool(images: Any, size: int, stride: int) -> Any:
    """The largest value of every window: (N, H, W, C) to (N, H', W', C).

    It alone gets the gradient; where several are the largest, the first of them. Raises `ConfigurationError`.
    """
    return _pool(images, size, stride, lambda taps: reduce(tf.maximum, taps))


def average_pool(images: Any, size: int, stride: int) -> Any:
    """The mean of every window: (N, H, W, C) to (N, H', W', C). Raises `ConfigurationError`."""
    return _pool(images, size, stride, lambda taps: tf.add_n(taps) / size)


def _pool(images: Any, size: int, stride: int, combine: Callable[[list[Any]], Any]) -> Any:
    """N may be unknown, H, W and C may not. Raises `ConfigurationError` when windows do not fit exactly."""
    images = tf.convert_to_tensor(images)
    if len(images.shape) != 4 or None in tuple(images.shape[1:]):
        raise ConfigurationError(f"images must be (N, height, width, channels), not {tuple(images.shape)}.")
    down, across = slides(images.shape[1:3], (size, size), stride, what="size")
    return combine(_taps(combine(_taps(images, 1, down)), 2, across))


def _taps(images: Any, axis: int, slide: Slide) -> list[Any]:
    """What lies under the first, second, … pixel of the window at all its places along one axis: `size` tensors."""
    end = (slide.places - 1) * slide.stride + 1
    before = (slice(None),) * axis
    return [images[(*before, slice(tap, tap + end, slide.stride))] for tap in range(slide.window)]
