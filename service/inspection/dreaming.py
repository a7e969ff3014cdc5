"""Pictures that excite a channel: how many steps at which resolution, and where to start.

The engine does a few steps at a time, so that predictions go in between: a dream is a chain of short calls.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.float32]

STEPS_DEFAULT: Final = 60
STEPS_MAX: Final = 600
RATE_DEFAULT: Final = 0.02
STEPS_A_CALL: Final = 8
# Resolutions of the changes, as shares of the picture's, coarse ones first.
OCTAVES: Final = (0.25, 0.5, 1.0)
_FAINTEST, _BRIGHTEST = 0.0, 0.2  # of the noise to start from: nearly black, as paper is to these models


class Stretch(NamedTuple):
    """One call: so many steps at one resolution."""

    steps: int
    share: float


def plan(steps: int, octaves: int) -> Iterator[Stretch]:
    """`steps` in all, evenly over the finest `octaves` of `OCTAVES`, in calls of at most `STEPS_A_CALL`."""
    shares = OCTAVES[-octaves:]
    for number, share in enumerate(shares):
        left = steps * (number + 1) // len(shares) - steps * number // len(shares)
        while left > 0:
            yield Stretch(min(left, STEPS_A_CALL), share)
            left -= STEPS_A_CALL


def noise(shape: tuple[int, ...], seed: int) -> Pixels:
    """Float32 (1, *shape), faint and the same for the same seed."""
    return np.random.default_rng(seed).uniform(_FAINTEST, _BRIGHTEST, (1, *shape)).astype(np.float32)


def as_bytes(pixels: Pixels) -> npt.NDArray[np.uint8]:
    """Float32 (H, W, C) in [0, 1] → uint8 (H, W) or (H, W, 3)."""
    return shown(np.rint(pixels * 255.0).astype(np.uint8))


def shown(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Uint8 (H, W, C) as a picture to look at: (H, W) or (H, W, 3)."""
    return image[..., 0] if image.shape[-1] == 1 else image
