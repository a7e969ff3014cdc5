"""What came of a picture: the digit for the model, how good it was, and every step on the way."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from service.images.canon import SIDE_PX
from service.images.prepare import Seen
from service.images.quality import Quality, measure

_SHOWN_SIDE_MAX_PX: Final = 512


@dataclass(eq=False)
class Prepared:
    """A picture that was read. (Not frozen: making a frozen one takes as long as a step.) `seen`: the steps' names and results; `width`, `height`: as sent, upright, in pixels."""

    seen: Seen
    width: int
    height: int

    @property
    def image(self) -> npt.NDArray[np.uint8]:
        """uint8 (28,28,1), white ink on black, as the model gets it. May be read-only."""
        return self.seen[-1][1].reshape(SIDE_PX, SIDE_PX, 1)

    @property
    def is_canonical(self) -> bool:
        """Whether it came in MNIST's canon, as it is or with its polarity turned. Such a picture has no warnings."""
        return self.seen[-1][0] != "centred"

    @cached_property
    def quality(self) -> Quality:
        """What there is to know about the picture and the ink on it: some 0.05 ms for 28×28, 1 ms for large ones."""
        return measure(self.seen, self.width, self.height)


@dataclass(frozen=True, eq=False, slots=True)
class Step:
    """One step of preparation for people to look at: uint8 (H,W) grey or (H,W,3) RGB, at most 512 pixels a side."""

    name: str
    image: npt.NDArray[np.uint8]


def shown(name: str, picture: npt.NDArray[np.uint8]) -> Step:
    """A step's result, shrunk if it is large."""
    height, width = picture.shape[:2]
    scale = _SHOWN_SIDE_MAX_PX / max(height, width)
    if scale >= 1:
        return Step(name, picture)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return Step(name, np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8))
