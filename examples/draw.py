"""Draws the picture that the README posts: `python -m examples.draw`. A test draws it again and compares."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

PATH = Path(__file__).with_name("seven.png")

_SIDE_PX = 320
_PEN_PX = 15
# A 7 as a hand leads the pen: from the upper left to the right, then down with a slight bow.
_STROKE = (
    (92, 84),
    (120, 79),
    (160, 76),
    (205, 73),
    (232, 72),
    (222, 98),
    (203, 136),
    (183, 178),
    (168, 220),
    (158, 256),
)


def draw() -> npt.NDArray[np.uint8]:
    """A seven in dark ink on paper: uint8 (320, 320, 3), BGR."""
    paper = np.full((_SIDE_PX, _SIDE_PX, 3), (236, 243, 246), np.uint8)
    cv2.polylines(paper, [np.array(_STROKE)], False, (92, 52, 38), _PEN_PX, cv2.LINE_AA)
    blurred: npt.NDArray[np.uint8] = cv2.GaussianBlur(paper, (3, 3), 0).astype(np.uint8)
    return blurred


if __name__ == "__main__":
    cv2.imwrite(str(PATH), draw())
