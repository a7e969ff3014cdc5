"""Pictures as people might also have written them: turned, scaled, slanted, bent, moved, and with another pen.

Everything is a function of its seed, in NumPy and OpenCV over whole batches: about 0.03 ms a picture on one core. All
pictures of a batch lie below one another on a sheet, with black between them, so that one call moves every pixel.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from training.resampling import interpolation_weights
from training.texture import worn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from training.config import Augmentation

    Values = NDArray[np.float32]

_BLACK_PX = 4  # above and below each picture on a sheet
_SHEET_ROWS = 32_000  # OpenCV's remap takes up to 32,767
_KNOTS = 5  # knots along a side of the grid that bends a picture


def augment(images: NDArray[np.uint8], amounts: Augmentation, seed: Sequence[int]) -> NDArray[np.uint8]:
    """`images` uint8 (N, H, W, C), changed by random amounts; same shape and dtype. What comes in from outside is 0.

    The same seed, numbers from 0 on, gives the same amounts.
    """
    rng = np.random.default_rng(list(seed))
    if amounts.flip:
        mirrored = rng.random((len(images), 1, 1, 1)) < amounts.flip
        images = np.where(mirrored, images[:, :, ::-1], images)
    moved = warp(images, *_sources(len(images), images.shape[1], images.shape[2], amounts, rng))
    if not (amounts.stroke or amounts.changes_texture):
        return moved
    values = moved.astype(np.float32) / np.float32(255.0)
    values = _by_another_nib(values, amounts.stroke, rng)
    if amounts.changes_texture:
        values = worn(values, amounts, rng)
    return np.rint(np.clip(values, 0.0, 1.0) * 255.0).astype(np.uint8)


def affine_sources(
    *,
    angle_radians: Any,
    scale_x: Any,
    scale_y: Any,
    shear: Any,
    shift_x_px: Any,
    shift_y_px: Any,
    height: int,
    width: int,
) -> tuple[Values, Values]:
    """The x and the y, float32 (N, H, W), at which each pixel of the result looks, from amounts float32 (N, 1, 1).

    About its centre a picture is scaled, sheared by x += shear · y, turned clockwise as it is seen (y points down), and
    moved; what looks where is the inverse of that.
    """
    cos, sin = np.cos(angle_radians), np.sin(angle_radians)
    centre_x, centre_y = (width - 1) / 2, (height - 1) / 2
    x = np.arange(width, dtype=np.float32) - centre_x - shift_x_px  # (N, 1, W)
    y = np.arange(height, dtype=np.float32)[:, None] - centre_y - shift_y_px  # (N, H, 1)
    # The inverse of  R(angle) · [[1, shear], [0, 1]] · diag(scale_x, scale_y).
    from_x = (cos + shear * sin) / scale_x * x + (sin - shear * cos) / scale_x * y + centre_x
    from_y = cos / scale_y * y - sin / scale_y * x + centre_y
    return from_x, from_y


def _sources(
    count: int, height: int, width: int, amounts: Augmentation, rng: np.random.Generator
) -> tuple[Values, Values]:
    draws = rng.uniform(-1.0, 1.0, (7, count, 1, 1)).astype(np.float32)
    wider = np.exp(draws[6] * math.log1p(amounts.aspect) / 2)
    from_x, from_y = affine_sources(
        angle_radians=draws[0] * math.radians(amounts.rotation_degrees),
        scale_x=(1.0 + draws[1] * amounts.scale) * wider,
        scale_y=(1.0 + draws[2] * amounts.scale) / wider,
        shear=draws[3] * amounts.shear,
        shift_x_px=draws[4] * amounts.shift_px,
        shift_y_px=draws[5] * amounts.shift_px,
        height=height,
        width=width,
    )
    if not amounts.elastic_px:
        return from_x, from_y
    bent_x, bent_y = _bends(count, height, width, amounts.elastic_px, rng)
    return from_x + bent_x, from_y + bent_y


def _bends(count: int, height: int, width: int, elastic_px: float, rng: np.random.Generator) -> Values:
    """How much further each pixel looks, float32 (2, N, H, W): each of 5 × 5 knots by up to `elastic_px` in x and in y,
    and what lies between them in proportion.

    Source: Simard, Steinkraus and Platt, "Best Practices for Convolutional Neural Networks Applied to Visual Document
    Analysis" (2003), with a coarse grid in place of smoothed noise.
    """
    knots = rng.uniform(-elastic_px, elastic_px, (2, count, _KNOTS, _KNOTS)).astype(np.float32)
    rows = interpolation_weights(_KNOTS, height).astype(np.float32)
    columns = interpolation_weights(_KNOTS, width).astype(np.float32)
    return np.asarray(rows @ knots @ columns.T)


def warp(images: NDArray[np.uint8], from_x: Values, from_y: Values) -> NDArray[np.uint8]:
    """`images` uint8 (N, H, W, C), each pixel taken from x and y, (N, H, W), in the same picture, bilinearly; 0 outside."""
    _, height, width, channels = images.shape
    pitch = height + 2 * _BLACK_PX
    # Beyond the black around it a picture must not look, or it would see its neighbour.
    from_y = np.clip(from_y, -2.0, height + 1.0)
    parts = []
    for at in range(0, len(images), _SHEET_ROWS // pitch):
        part = slice(at, at + _SHEET_ROWS // pitch)
        sheet = np.pad(images[part], ((0, 0), (_BLACK_PX, _BLACK_PX), (0, 0), (0, 0))).reshape(-1, width, channels)
        tops = np.arange(len(images[part]), dtype=np.float32)[:, None, None] * pitch + _BLACK_PX
        x, y = from_x[part].reshape(-1, width), (from_y[part] + tops).reshape(-1, width)
        moved = cv2.remap(sheet, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
        parts.append(moved.reshape(-1, height, width, channels))
    return np.concatenate(parts)


def _by_another_nib(values: Values, share: float, rng: np.random.Generator) -> Values:
    """`values` (N, H, W, C) in [0, 1]; `share` of the pictures with thicker strokes, and as many with thinner ones."""
    which = rng.random(len(values))
    for low, sign in ((0.0, 1.0), (share, -1.0)):
        chosen = np.flatnonzero((low <= which) & (which < low + share))
        if len(chosen):
            before = values[chosen]
            target = sign * _largest_around(np.float32(sign) * before)
            strength = rng.uniform(0.0, 0.7, (len(chosen), 1, 1, 1))  # a whole step is more than a pen makes
            values[chosen] = before + strength.astype(np.float32) * (target - before)
    return values


def _largest_around(values: Values) -> Values:
    """The largest of each pixel and its eight neighbours."""
    rows = np.pad(values, ((0, 0), (1, 1), (0, 0), (0, 0)), mode="edge")
    rows = np.maximum(np.maximum(rows[:, :-2], rows[:, 1:-1]), rows[:, 2:])
    both = np.pad(rows, ((0, 0), (0, 0), (1, 1), (0, 0)), mode="edge")
    return np.maximum(np.maximum(both[:, :, :-2], both[:, :, 1:-1]), both[:, :, 2:])
