"""Which preparation suits which model: by the name on its card and the shape of its input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from service.images import decode as decoding
from service.images import prepare as preparing
from service.images import things
from service.images.canon import SIDE_PX, is_canonical
from service.images.limits import DEFAULT_LIMITS, PictureLimits
from service.images.prepared import Prepared, Step, shown
from service.images.quality import Quality

DIGITS: Final = "mnist"


class Traced(NamedTuple):
    """A prepared picture with all there is to tell about the way to it."""

    image: npt.NDArray[np.uint8]
    """(H,W,C), as the model gets it."""
    width: int
    """As sent, upright, in pixels."""
    height: int
    quality: Quality | None
    """Of a digit; None for other things."""
    steps: list[Step]


def read(data: bytes | memoryview, limits: PictureLimits = DEFAULT_LIMITS) -> Prepared:
    """As `service.images.read_picture`, with what was found on the way: the result's `quality` is measured when it is first asked for.

    :raise InputError: as `service.images.read_picture`.
    """
    pixels, width, height = decoding.decode_sized(data, limits)
    return Prepared(tuple(preparing.steps(pixels)), width, height)


def trace(data: bytes | memoryview, limits: PictureLimits = DEFAULT_LIMITS) -> tuple[Prepared, list[Step]]:
    """As `read`, and every step's result as a picture of at most 512 pixels a side, from the one given to the last.

    :raise InputError: as `service.images.read_picture`.
    """
    prepared = read(data, limits)
    return prepared, [shown(name, picture) for name, picture in prepared.seen]


def suits(name: str, shape: tuple[int, ...]) -> bool:
    """Whether encoded pictures can be prepared by `name` for a model that takes uint8 of `shape` (H,W,C)."""
    if name == DIGITS:
        return shape == (SIDE_PX, SIDE_PX, 1)
    return len(shape) == 3 and shape[2] in things.CHANNELS.get(name, ())


def read_for(
    name: str, shape: tuple[int, ...], data: bytes | memoryview, limits: PictureLimits = DEFAULT_LIMITS
) -> tuple[npt.NDArray[np.uint8], Sequence[str]]:
    """Decode and prepare one picture → uint8 of `shape`, and what was found wrong with it. Blocks; see `is_heavy`.

    `suits(name, shape)` must hold.

    :raise InputError: as `service.images.read_picture`.
    """
    pixels, width, height = decoding.decode_sized(data, limits)
    if name == DIGITS:
        if is_canonical(pixels):
            # What programs send. To go the way of those that need preparing takes as long again as looking at it.
            return pixels.reshape(SIDE_PX, SIDE_PX, 1), ()
        prepared = Prepared(tuple(preparing.steps(pixels)), width, height)
        # Measuring quality takes longer than all the rest for a picture that needs no preparation.
        return prepared.image, () if prepared.is_canonical else prepared.quality.warnings
    *_, (_, image) = things.PREPARATIONS[name](pixels, shape)
    return image, ()


def trace_for(
    name: str, shape: tuple[int, ...], data: bytes | memoryview, limits: PictureLimits = DEFAULT_LIMITS
) -> Traced:
    """As `read_for`, and every step's result as a picture of at most 512 pixels a side.

    :raise InputError: as `service.images.read_picture`.
    """
    if name == DIGITS:
        prepared, steps = trace(data, limits)
        return Traced(prepared.image, prepared.width, prepared.height, prepared.quality, steps)
    pixels, width, height = decoding.decode_sized(data, limits)
    seen = list(things.PREPARATIONS[name](pixels, shape))
    steps = [shown(step, picture[:, :, 0] if picture.shape[2:] == (1,) else picture) for step, picture in seen]
    return Traced(seen[-1][1], width, height, None, steps)
