"""Pictures for TensorBoard: kernels, and the sprite of many small pictures."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras
    from numpy.typing import NDArray

_MOST_KERNELS = 64
_KERNEL_PX = 64


def first_kernels(model: keras.Model) -> NDArray[np.uint8] | None:
    """The kernels of the first layer that has some, uint8 (H, W, 1 or 3), side by side; grey is 0, white the largest.

    Units of a dense layer on all pixels are shown as the pictures that they weigh. None where the weights of the first
    layer have no such form.
    """
    kernel = next((weight.numpy() for weight in model.weights if weight.path.endswith("kernel")), None)
    if kernel is None:
        return None
    shape = model.input_shape[1:]
    if kernel.ndim == 2 and kernel.shape[0] == math.prod(shape):
        kernel = kernel.reshape((*shape, -1))
    if kernel.ndim != 4:
        return None
    kernels = np.moveaxis(kernel, -1, 0)[:_MOST_KERNELS]  # (N, H, W, C)
    if kernels.shape[3] not in (1, 3):
        kernels = kernels.mean(axis=3, keepdims=True)
    largest = np.abs(kernels).max(axis=(1, 2, 3), keepdims=True)
    grey = 127.5 + 127.5 * kernels / np.maximum(largest, 1e-12)
    times = max(1, _KERNEL_PX // kernels.shape[1])
    large = np.rint(grey).astype(np.uint8).repeat(times, axis=1).repeat(times, axis=2)
    return mosaic(np.pad(large, ((0, 0), (1, 1), (1, 1), (0, 0))))


def mosaic(pictures: NDArray[Any]) -> NDArray[Any]:
    """Pictures (N, H, W, C) row by row in a square that has place for all: (R·H, R·W, C), what is left over is 0."""
    count, height, width, channels = pictures.shape
    side = math.isqrt(max(count - 1, 0)) + 1
    square = np.zeros((side * side, height, width, channels), pictures.dtype)
    square[:count] = pictures
    rows = square.reshape(side, side, height, width, channels).swapaxes(1, 2)
    return rows.reshape(side * height, side * width, channels)
