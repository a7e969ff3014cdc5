"""A row's picture → its ink: light on black at working size, ruled lines and boxes taken out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from service.errors import BlankPictureError
from service.images.colour import grey
from service.images.decode import decode_sized
from service.images.light import smoothly_lit
from service.images.limits import PictureLimits
from service.images.polarity import light_ink
from service.images.row_lines import without_lines
from service.images.split import split

ROW_SIDE_PX: Final = 1280  # longer side of a row at working size: eight digits are still 60 to 100 pixels high
_SIDE_MIN_PX: Final = 8
_FULL_INK: Final = 0.8  # of the digits' ink is no lighter than what becomes 255
_FAINT_LEVEL: Final = 36.0  # of 255: a seventh of the contrast
_AROUND: Final = 0.2  # of the picture's shorter side: wider than any stroke
_AROUND_MIN_PX: Final = 15


@dataclass(frozen=True, slots=True)
class RowInk:
    """`levels` uint8 (H,W): paper 0, ink 255, soft edges between. `mask` uint8 (H,W): 255 where there is ink, else 0.

    `scale` (x, y): how many pixels of the picture as sent, upright, one of these is wide and high.
    """

    levels: npt.NDArray[np.uint8]
    mask: npt.NDArray[np.uint8]
    scale: tuple[float, float]
    size: tuple[int, int]
    """(width, height) of the picture as sent, upright."""


def row_ink(data: bytes, limits: PictureLimits) -> RowInk:
    """Decode a picture and find its ink.

    :raise InputError: as `service.images.rows.find_digits`.
    """
    picture, sent_width, sent_height = decode_sized(data, limits)
    small = light_ink(smoothly_lit(grey(_reduced(picture))))
    found = split(small)
    if found.is_blank:
        raise BlankPictureError("The picture is blank: nothing in it stands out from the paper.")
    mask = without_lines(found.ink, _faint(_stretched(small, found.paper_level, found.ink_level), found.ink))
    if not cv2.countNonZero(mask):
        raise BlankPictureError("There is no digit on the picture, only lines.")
    full_level = float(np.quantile(small[mask > 0], _FULL_INK))
    levels = _stretched(small, found.paper_level, max(full_level, found.ink_level))
    height, width = mask.shape
    return RowInk(levels, mask, (sent_width / width, sent_height / height), (sent_width, sent_height))


def _stretched(picture: npt.NDArray[np.uint8], from_level: float, to_level: float) -> npt.NDArray[np.uint8]:
    """From one level to the other becomes 0 to 255."""
    stretch = (np.arange(256) - from_level) * (255 / (to_level - from_level))
    return np.asarray(cv2.LUT(picture, np.clip(np.rint(stretch), 0, 255).astype(np.uint8)), np.uint8)


def _reduced(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """As `light.reduced`, whose limit is meant for one digit, not for many side by side."""
    height, width = picture.shape[:2]
    factor = -(-max(height, width) // ROW_SIDE_PX)
    if factor <= 1 or min(height, width) < _SIDE_MIN_PX * factor:
        return picture
    whole = picture[: height // factor * factor, : width // factor * factor]
    size = width // factor, height // factor
    return np.asarray(cv2.resize(whole, size, interpolation=cv2.INTER_AREA), np.uint8)


def _faint(levels: npt.NDArray[np.uint8], ink: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The mask of the ink and of what is a little lighter than all that lies around it, whatever light falls off there.

    A little: beyond five standard deviations of the paper's grain, estimated as 1.4826 times the median deviation, which
    neither ink nor lines disturb.
    """
    window = max(_AROUND_MIN_PX, round(_AROUND * min(levels.shape)))
    smooth = cv2.GaussianBlur(levels, (3, 3), 0)
    above = cv2.morphologyEx(smooth, cv2.MORPH_TOPHAT, np.ones((window, window), np.uint8))
    middle = float(np.median(above))
    grain = 1.4826 * float(np.median(np.abs(above - middle)))
    faint = cv2.threshold(above, max(_FAINT_LEVEL, middle + 5 * grain), 255, cv2.THRESH_BINARY)[1]
    return np.asarray(cv2.bitwise_or(faint, ink), np.uint8)
