"""IDX, the format in which MNIST is published.

Two zero bytes, one byte for the element type (8 is uint8), one byte for the number of dimensions, each dimension as a
big-endian 32-bit integer, then the elements, the last dimension varying fastest.
Source: the description on MNIST's home page, "The MNIST database of handwritten digits" (LeCun, Cortes, Burges).
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

UINT8 = 8


def decode_idx(content: bytes) -> NDArray[np.uint8]:
    """The array in `content`, uint8, of as many dimensions as its header states; a read-only view, not a copy.

    Raises `ValueError` when the content is no IDX of bytes, or shorter or longer than its header says.
    """
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != UINT8:
        raise ValueError("not an IDX file of unsigned bytes")
    dimensions = content[3]
    start = 4 + 4 * dimensions
    if len(content) < start:
        raise ValueError("an IDX file that ends within its header")
    shape = struct.unpack(f">{dimensions}I", content[4:start])
    if len(content) - start != math.prod(shape):
        raise ValueError(f"an IDX file of shape {shape} that holds {len(content) - start} elements")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def encode_idx(array: NDArray[np.uint8]) -> bytes:
    """The IDX file that holds `array` (uint8, any shape); the inverse of `decode_idx`.

    Raises `ValueError` for another dtype: a silent conversion would change the digest.
    """
    if array.dtype != np.uint8:
        raise ValueError(f"only arrays of uint8 are written, not {array.dtype}")
    header = struct.pack(f">2xBB{array.ndim}I", UINT8, array.ndim, *array.shape)
    return header + np.ascontiguousarray(array).tobytes()
