"""Ink and paper: two classes of grey, and how far apart they are."""

from __future__ import annotations

from typing import Final, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

# Ink differs from paper by at least this: a blank sheet in uneven light, through JPEG, still shows some levels.
CONTRAST_MIN_LEVELS: Final = 12.0
# And by this many standard deviations of the paper: in pure Gaussian noise Otsu finds two classes 2.6 apart.
CONTRAST_MIN_DEVIATIONS: Final = 3.0


class Split(NamedTuple):
    """Otsu's two classes: the mask of the ink, 0 and 255, and the grey levels on either side."""

    ink: npt.NDArray[np.uint8]
    ink_level: float
    paper_level: float
    paper_deviation: float

    @property
    def contrast_levels(self) -> float:
        return self.ink_level - self.paper_level

    @property
    def is_blank(self) -> bool:
        return self.contrast_levels < max(CONTRAST_MIN_LEVELS, CONTRAST_MIN_DEVIATIONS * self.paper_deviation)


def ink_of(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The mask of the ink alone, as `split` has it, in a third of the time."""
    return np.asarray(cv2.threshold(picture, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)[1], np.uint8)


def split(picture: npt.NDArray[np.uint8]) -> Split:
    """Part ink from paper by Otsu's threshold, the one that leaves the two classes least spread in themselves."""
    mask = ink_of(picture)
    paper = cv2.bitwise_not(mask)
    ink_level = cv2.mean(picture, mask=mask)[0]
    if not cv2.countNonZero(paper):  # one grey level all over, all of it above a threshold of 0
        return Split(mask, ink_level, ink_level, 0.0)
    paper_mean, paper_deviation = cv2.meanStdDev(picture, mask=paper)
    return Split(mask, ink_level, float(paper_mean[0, 0]), float(paper_deviation[0, 0]))
