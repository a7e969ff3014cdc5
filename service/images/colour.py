"""Colour → grey: the one view of a colour picture in which the ink stands out. uint8 (H,W,3) RGB → uint8 (H,W)."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

_SMALL_PX: Final = 48
_NEIGHBOURHOOD_PX: Final = 19
_COLOURLESS_LEVELS: Final = 24
_PLAIN_LEVELS: Final = 80
_GAIN_MIN: Final = 3.0

Grey = npt.NDArray[np.uint8]


def grey(picture: npt.NDArray[np.uint8]) -> Grey:
    """(H,W,3) RGB → (H,W); (H,W) stays. Luminance, or another view in which the ink stands out far better.

    Red on brown and blue on black hardly differ in luminance. The other views are the three channels and two differences
    of channels, red − green and blue − yellow, in which a shadow leaves less of a trace than in any channel. What stands
    out is measured on a small version against the median of its neighbourhood, so that light falling off does not count.
    Another view has to show three times as much, because luminance is the least noisy of them, and luminance nowhere
    80 levels: a mark so plain is the ink.
    """
    if picture.ndim == 2:
        return picture
    luminance = _uint8(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))
    small = _uint8(cv2.resize(picture, (_SMALL_PX, _SMALL_PX), interpolation=cv2.INTER_AREA))
    red, green, blue = cv2.split(small)
    if max(cv2.norm(red, green, cv2.NORM_INF), cv2.norm(green, blue, cv2.NORM_INF)) <= _COLOURLESS_LEVELS:
        return luminance
    shown = _detail(_uint8(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)))
    if shown.max() > _PLAIN_LEVELS:
        return luminance
    amounts = [float(_detail(view).mean()) for view in _views(small)]
    best = int(np.argmax(amounts))
    return _views(picture)[best] if amounts[best] > _GAIN_MIN * max(float(shown.mean()), 1.0) else luminance


def _views(picture: npt.NDArray[np.uint8]) -> tuple[Grey, ...]:
    red, green, blue = (_uint8(channel) for channel in cv2.split(picture))
    return red, green, blue, _difference(red, green), _difference(blue, _uint8(cv2.max(red, green)))


def _difference(one: Grey, other: Grey) -> Grey:
    """Half of one − other, with 0 at 128."""
    return _uint8(cv2.addWeighted(one, 0.5, other, -0.5, 128))


def _detail(view: Grey) -> Grey:
    return _uint8(cv2.absdiff(view, cv2.medianBlur(view, _NEIGHBOURHOOD_PX)))


def _uint8(picture: cv2.typing.MatLike) -> npt.NDArray[np.uint8]:
    return np.asarray(picture, dtype=np.uint8)
