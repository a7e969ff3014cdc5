"""Encoded pictures that are as the model sees them already, for those who prepare their own."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from service.errors import WrongShapeError
from service.images.decode import decode_sized
from service.images.limits import DEFAULT_LIMITS, PictureLimits


def read_unprepared(
    data: bytes | memoryview, shape: tuple[int, ...], limits: PictureLimits = DEFAULT_LIMITS
) -> npt.NDArray[np.uint8]:
    """Decode, and nothing else: uint8 of `shape` (H,W,1), each pixel as it was sent, colour as its luminance.

    :raise InputError: as `service.images.read_picture`, but for blank pictures, which are as good as any here.
    :raise WrongShapeError: the picture has another size.
    """
    pixels, width, height = decode_sized(data, limits)
    if (height, width) != shape[:2]:
        raise WrongShapeError(
            f"the picture has {width}×{height} pixels; without preparation it takes {shape[1]}×{shape[0]}"
        )
    if pixels.ndim == 3:
        pixels = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
    return pixels.reshape(shape)
