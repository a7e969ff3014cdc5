"""Picture bytes → uint8 (28,28,1), as models trained on MNIST know digits.

    bytes ── decode.py ──▶ uint8 (H,W) or (H,W,3) ── prepare.py ──▶ uint8 (28,28,1) ── quality.py ──▶ Quality

Pure functions of their arguments, safe in any thread; no Flask, no TensorFlow, no settings.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from service.images import decode as decoding
from service.images import prepare as preparing
from service.images.headers import claimed_size, readable_format
from service.images.limits import DEFAULT_LIMITS, PictureLimits
from service.images.prepared import Prepared, Step, shown
from service.images.quality import WARNINGS, Quality
from service.images.unprepared import read_unprepared

__all__ = [
    "DEFAULT_LIMITS",
    "WARNINGS",
    "PictureLimits",
    "Prepared",
    "Quality",
    "Step",
    "is_heavy",
    "read",
    "read_picture",
    "read_unprepared",
    "trace",
]

# Within these, reading takes about a millisecond at most on one core.
_LIGHT_BYTES_MAX: Final = 32_768
_LIGHT_PIXELS_MAX: Final = 128 * 128


def read_picture(data: bytes | memoryview, limits: PictureLimits = DEFAULT_LIMITS) -> npt.NDArray[np.uint8]:
    """Decode and prepare one picture → uint8 (28,28,1), white ink on black. Blocks; see `is_heavy`.

    :raise UndecodablePictureError: empty, cut short, damaged, or nothing known.
    :raise UnsupportedMediaTypeError: a format that is not accepted.
    :raise PayloadTooLargeError: more pixels than `limits` allow.
    :raise BlankPictureError: there is nothing on it.
    """
    return preparing.prepare(decoding.decode(data, limits))


def read(data: bytes | memoryview, limits: PictureLimits = DEFAULT_LIMITS) -> Prepared:
    """As `read_picture`, with what was found on the way: the result's `quality` is measured when it is first asked for.

    :raise InputError: as `read_picture`.
    """
    pixels, width, height = decoding.decode_sized(data, limits)
    return Prepared(tuple(preparing.steps(pixels)), width, height)


def trace(data: bytes | memoryview, limits: PictureLimits = DEFAULT_LIMITS) -> tuple[Prepared, list[Step]]:
    """As `read`, and every step's result as a picture of at most 512 pixels a side, from the one given to the last.

    :raise InputError: as `read_picture`.
    """
    prepared = read(data, limits)
    return prepared, [shown(name, picture) for name, picture in prepared.seen]


def is_heavy(data: bytes) -> bool:
    """Whether `read_picture` may take more than about a millisecond, and so belongs in a thread, not in an event loop.

    Judged by the number of bytes and the size that the header claims, in a few microseconds; a TIFF, which
    claims none in a fixed place, is heavy. What is no picture at all is light: it is refused at once.
    """
    if len(data) > _LIGHT_BYTES_MAX:
        return True
    file_format = readable_format(data)
    if file_format is None:
        return False
    claimed = claimed_size(data, file_format)
    return claimed is None or claimed[0] * claimed[1] > _LIGHT_PIXELS_MAX
