"""Pictures of things instead of handwriting → what models trained on clothes or photographs know.

    fashion   picture → luminance → on_black → trimmed → fitted      as Fashion-MNIST's pictures were made
    resize    picture → resized                                      as CIFAR's small photographs, and anybody's own

A picture that has the model's size already is left as it is, but for its colours. Every step is array → array.

Fashion-MNIST: Xiao, Rasul and Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning
Algorithms" (2017), section 2. Its sharpening is left out: it made up for thumbnails of one shop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

Picture = npt.NDArray[np.uint8]
Seen = Iterator[tuple[str, Picture]]
"""Each step's name and result, in order; the first is "given", the last has the model's (H,W,C)."""

_LIGHT_LEVEL: Final = 128
# "Within 5 % of the maximum intensity" of the background.
_BACKGROUND_LEVELS: Final = 13


def fashion(picture: Picture, shape: tuple[int, ...]) -> Seen:
    """A garment on plain ground, uint8 (H,W) or (H,W,3) → light on black, its longer side filling `shape` (H,W,1)."""
    yield "given", picture
    if picture.ndim == 3:
        picture = coloured(picture, 1)[:, :, 0]
        yield "luminance", picture
    if picture.shape != shape[:2]:
        for step in (on_black, trimmed):
            picture = step(picture)
            yield step.__name__, picture
    yield "fitted", fitted(picture, shape[0], shape[1])[:, :, np.newaxis]


def resize(picture: Picture, shape: tuple[int, ...]) -> Seen:
    """uint8 (H,W) or (H,W,3) → all of it brought to `shape` (H,W,C), by the filter that training uses on folders."""
    yield "given", picture
    height, width, channels = shape
    picture = coloured(picture, channels)
    if picture.shape[:2] != (height, width):
        flat = Image.fromarray(picture if channels == 3 else picture[:, :, 0])
        picture = np.asarray(flat.resize((width, height), Image.Resampling.BOX), np.uint8)
    yield "resized", picture.reshape(shape)


PREPARATIONS: Final[dict[str, Callable[[Picture, tuple[int, ...]], Seen]]] = {"fashion": fashion, "resize": resize}
"""By the name on a model's card."""

CHANNELS: Final[dict[str, tuple[int, ...]]] = {"fashion": (1,), "resize": (1, 3)}


def on_black(picture: Picture) -> Picture:
    """Grey (H,W), turned into its negative where the ground is light: what lies along the edges is taken for it."""
    return np.asarray(cv2.bitwise_not(picture), np.uint8) if _ground(picture) >= _LIGHT_LEVEL else picture


def trimmed(picture: Picture) -> Picture:
    """Grey (H,W) without the margins that hold nothing but ground, give or take 5 %; whole when all of it is ground."""
    differs = cv2.absdiff(picture, np.full_like(picture, _ground(picture))) > _BACKGROUND_LEVELS
    left, top, width, height = cv2.boundingRect(differs.astype(np.uint8))
    return picture[top : top + height, left : left + width] if width else picture


def fitted(picture: Picture, height: int, width: int) -> Picture:
    """Grey (h,w) as large as it goes into (height, width), in the middle of black."""
    scale = min(height / picture.shape[0], width / picture.shape[1])
    inner = _scaled(picture, max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    canvas = np.zeros((height, width), np.uint8)
    top, left = (height - inner.shape[0]) // 2, (width - inner.shape[1]) // 2
    canvas[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
    return canvas


def coloured(picture: Picture, channels: int) -> Picture:
    """(H,W) or RGB (H,W,3) → (H,W,`channels`): colours become their luminance, grey becomes three equal channels."""
    if picture.ndim == 3 and channels == 1:
        picture = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)
    if picture.ndim == 2 and channels == 3:
        return np.asarray(cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB), np.uint8)
    return picture if picture.ndim == 3 else picture[:, :, np.newaxis]


def _ground(picture: Picture) -> int:
    edges = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    return int(np.median(edges))


def _scaled(picture: Picture, width: int, height: int) -> Picture:
    smaller = width < picture.shape[1] or height < picture.shape[0]
    how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (width, height), interpolation=how), np.uint8)
