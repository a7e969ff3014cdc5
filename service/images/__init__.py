"""Picture bytes → what a model takes: for models trained on MNIST uint8 (28,28,1), digits as those know them.

    bytes ── decode.py ──▶ uint8 (H,W) or (H,W,3) ── prepare.py ──▶ uint8 (28,28,1) ── quality.py ──▶ Quality
                                                  └─ things.py ───▶ uint8 (H,W,C), clothes and photographs

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
from service.images.preparations import DIGITS, Traced, read, read_for, suits, trace, trace_for
from service.images.prepared import Prepared, Step
from service.images.quality import WARNINGS, Quality
from service.images.unprepared import read_unprepared

__all__ = [
    "DEFAULT_LIMITS",
    "DIGITS",
    "WARNINGS",
    "PictureLimits",
    "Prepared",
    "Quality",
    "Step",
    "Traced",
    "is_heavy",
    "read",
    "read_for",
    "read_picture",
    "read_unprepared",
    "suits",
    "trace",
    "trace_for",
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
