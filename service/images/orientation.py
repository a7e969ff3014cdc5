"""EXIF's note of how the camera was held, and turning the picture upright.

Read here rather than by Pillow's `getexif`, which parses everything in the block, and warns about what it finds there.
"""

from __future__ import annotations

import struct
from typing import Final

import numpy as np
import numpy.typing as npt

_PREFIX: Final = b"Exif\x00\x00"
_ORIENTATION_TAG: Final = 0x0112
_UPRIGHT: Final = 1
_ENTRIES_MAX: Final = 1000


def exif_orientation(block: bytes) -> int:
    """The orientation, 1 to 8, in an EXIF block with or without its `Exif` prefix; 1 where there is none to be found.

    EXIF 2.32, 4.6.4: tag 0x0112, a short, in the first directory of a TIFF structure.
    """
    tiff = block.removeprefix(_PREFIX)
    order = {b"II*\x00": "<", b"MM\x00*": ">"}.get(tiff[:4])
    if order is None:
        return _UPRIGHT
    try:
        (directory,) = struct.unpack_from(order + "I", tiff, 4)
        (entries,) = struct.unpack_from(order + "H", tiff, directory)
        for entry in range(min(entries, _ENTRIES_MAX)):
            tag, _, _, value = struct.unpack_from(order + "HHIH", tiff, directory + 2 + 12 * entry)
            if tag == _ORIENTATION_TAG:
                return value if 1 <= value <= 8 else _UPRIGHT
    except struct.error:  # the block ends early: a broken note is no note
        pass
    return _UPRIGHT


def upright(picture: npt.NDArray[np.uint8], orientation: int) -> npt.NDArray[np.uint8]:
    """Undo EXIF orientation 1 to 8 on (H,W) or (H,W,3); 5 to 8 exchange height and width."""
    if orientation >= 5:
        picture = picture.swapaxes(0, 1)
    if orientation in {2, 3, 6, 7}:
        picture = picture[:, ::-1]
    if orientation in {3, 4, 7, 8}:
        picture = picture[::-1]
    return np.ascontiguousarray(picture)
