"""Maps of numbers → pictures, all on one scale, so that bright means the same in each of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import cv2
import numpy as np
import numpy.typing as npt

from service.inspection.sheets import Picture, enlarged

Maps = npt.NDArray[np.float32]
Scale = Literal["grey", "heat", "signed"]
"""`grey`: the lowest value black, the highest white. `heat`: 0 dark, the highest bright. `signed`: 0 white, the strongest
value blue or, below 0, orange; both ends can be told apart without colour vision by their order of brightness."""

_ORANGE: Final = np.array([194, 87, 10], np.float32)
_BLUE: Final = np.array([20, 82, 168], np.float32)
_WHITE: Final = np.array([255, 255, 255], np.float32)


def painted(maps: Sequence[Maps], scale: Scale) -> list[Picture]:
    """Each map float32 (H,W) as uint8 (H,W,3) RGB, or (H,W) where `scale` is grey; the scale is that of all together."""
    low = min(float(one.min()) for one in maps)
    high = max(float(one.max()) for one in maps)
    if scale == "grey":
        return [_share(one, low, high) for one in maps]
    if scale == "heat":
        return [_heat(_share(one, min(0.0, low), high)) for one in maps]
    strongest = max(-low, high)
    return [_signed(one, strongest) for one in maps]


def overlaid(picture: npt.NDArray[np.uint8], found: Maps, scale: Scale, opacity: float, longer_side_px: int) -> Picture:
    """`found` (H,W) in colours over `picture` (H,W) grey or (H,W,3), enlarged; uint8 (·,·,3) RGB."""
    below = picture if picture.ndim == 3 else np.asarray(cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB), np.uint8)
    (colours,) = painted([found], scale)
    if scale == "signed":  # white would wash the picture out, so it shows as much as there is to say
        strongest = max(float(np.abs(found).max()), 1e-12)
        weight = (opacity * np.abs(found) / strongest)[..., None]
    else:
        weight = np.full((*found.shape, 1), opacity, np.float32)
    mixed = below * (1.0 - weight) + colours * weight
    return enlarged(np.rint(mixed).astype(np.uint8), longer_side_px)


def _share(values: Maps, low: float, high: float) -> Picture:
    if high <= low:
        return np.zeros(values.shape, np.uint8)
    return np.rint((values - low) * (255.0 / (high - low))).astype(np.uint8)


def _heat(share: Picture) -> Picture:
    return np.asarray(cv2.cvtColor(cv2.applyColorMap(share, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB), np.uint8)


def _signed(values: Maps, strongest: float) -> Picture:
    strength = np.abs(values)[..., None] / strongest if strongest > 0 else np.zeros((*values.shape, 1), np.float32)
    colour = np.where(values[..., None] < 0, _ORANGE, _BLUE)
    return np.rint(_WHITE + (colour - _WHITE) * strength).astype(np.uint8)
