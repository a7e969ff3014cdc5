"""From whatever a decoder yields to uint8 grey or RGB: transparency onto paper, 16 bits and floats to 8."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

# Colours this close are one colour: what premultiplication by alpha leaves of a single pen's.
_ONE_COLOUR_LEVELS: Final = 24
_OPAQUE: Final = 255
_HALF_OPAQUE: Final = 128
_TWELVE_BITS: Final = 4096


def over_white(rgba: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Lay a picture with transparency on white paper, unless its shape is in the alpha alone.

    A pen on a transparent canvas leaves one colour, and the stroke in the alpha. Were that colour white, paper would
    swallow it: alpha itself is the ink then, dark on light.

    :param rgba: uint8 (H,W,4); alpha 0 is transparent.
    :return: uint8 (H,W,3) RGB, or (H,W) where alpha is the ink.
    """
    alpha = np.ascontiguousarray(rgba[..., 3])
    low, high, _, _ = cv2.minMaxLoc(alpha)
    colour = cv2.cvtColor(rgba, cv2.COLOR_RGBA2RGB)
    if low == high:  # opaque, or equally transparent all over: no shape in it
        return np.asarray(colour, np.uint8)
    if _is_one_colour(colour, cv2.inRange(alpha, (_HALF_OPAQUE,), (_OPAQUE,))):
        return np.asarray(cv2.bitwise_not(alpha), np.uint8)
    lack = cv2.bitwise_not(colour)
    return np.asarray(cv2.bitwise_not(cv2.multiply(lack, cv2.merge([alpha] * 3), scale=1 / _OPAQUE)), np.uint8)


def _is_one_colour(colour: cv2.typing.MatLike, where: cv2.typing.MatLike) -> bool:
    for channel in cv2.split(colour):
        low, high, _, _ = cv2.minMaxLoc(channel, where)
        if high - low > _ONE_COLOUR_LEVELS:
            return False
    return True


def to_eight_bits(values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Numbers of any type (H,W) → uint8.

    16-bit values are divided by 257, so that 65535 becomes 255, unless none of them needs more than 12 bits (cameras and
    scanners often fill no more), or they come as wider integers or floats, whose range is anybody's guess: these are
    stretched from their smallest to their largest. What is not a number counts as the smallest.
    """
    if values.dtype == np.uint8:
        return values
    if values.dtype == np.uint16 and values.max() >= _TWELVE_BITS:
        return np.asarray(cv2.convertScaleAbs(values, alpha=1 / 257), np.uint8)
    # In place from here on: what comes this way may be large.
    numbers: npt.NDArray[np.floating[Any]] = values.astype(np.float64 if values.dtype == np.float64 else np.float32)
    finite = np.isfinite(numbers)
    numbers[~finite] = numbers[finite].min() if finite.any() else 0.0
    largest = max(float(numbers.max()), -float(numbers.min()), 1.0)
    np.divide(numbers, largest, out=numbers)  # so that the range of the largest floats is finite, too
    low, high = float(numbers.min()), float(numbers.max())
    if low == high:
        return np.zeros(values.shape, np.uint8)
    np.subtract(numbers, low, out=numbers)
    np.divide(numbers, high - low, out=numbers)
    np.multiply(numbers, _OPAQUE, out=numbers)
    return np.rint(numbers, out=numbers).astype(np.uint8)
