"""Batches as CIFAR's Python version has them: written by Python 2 with an old NumPy, opcode by opcode."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def python2_batch(data: NDArray[np.uint8], labels: list[int], label_key: str = "labels") -> bytes:
    """The pickle, protocol 2, of `{"batch_label": …, label_key: labels, "data": data}`, its text as Python 2's `str`."""
    items = [
        _text(b"batch_label") + _text(b"training batch 1 of 5"),
        _text(label_key.encode()) + b"](" + b"".join(_number(label) for label in labels) + b"e",
        _text(b"data") + _array(data),
    ]
    return b"\x80\x02}(" + b"".join(items) + b"u."


def _text(value: bytes) -> bytes:
    return b"T" + struct.pack("<i", len(value)) + value


def _number(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def _array(array: NDArray[np.uint8]) -> bytes:
    made = b"cnumpy.core.multiarray\n_reconstruct\n" + b"cnumpy\nndarray\n" + b"K\x00\x85" + _text(b"b") + b"\x87R"
    shape = b"(" + b"".join(_number(size) for size in array.shape) + b"t"
    dtype = (
        b"cnumpy\ndtype\n"
        + _text(b"u1")
        + b"K\x00K\x01\x87R"
        + b"(K\x03"
        + _text(b"|")
        + b"NNN"
        + _number(-1) * 2
        + b"K\x00tb"
    )
    return made + b"(K\x01" + shape + dtype + b"\x89" + _text(array.tobytes()) + b"tb"
