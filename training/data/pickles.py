"""Pickles of plain values and byte arrays, read without running anything that they ask for.

A pickle may name any function and have it called. Here the only names it may use are the four by which NumPy's arrays
are written, and each stands for a class of this module, not for NumPy's: what is called only keeps its arguments, and
the array is made from them afterwards, when they have been checked.
"""

from __future__ import annotations

import io
import math
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def load_plain(content: bytes) -> Any:
    """What is pickled in `content`: numbers, text, bytes, lists, tuples, dictionaries and arrays of uint8.

    Text of Python 2 comes as bytes. Arrays are found at the top, or as values of a dictionary at the top. Raises
    `ValueError` for anything else, and for content that is no pickle.
    """
    try:
        value = _PlainUnpickler(io.BytesIO(content), encoding="bytes").load()
    except _RefusedError as error:
        raise ValueError(str(error)) from None
    except Exception as error:  # a damaged pickle raises nearly anything: IndexError, AttributeError, MemoryError, …
        raise ValueError(f"a pickle that cannot be read: {type(error).__name__}: {error}") from error
    if isinstance(value, dict):
        return {key: _finished(item) for key, item in value.items()}
    return _finished(value)


class _RefusedError(Exception):
    pass


class _ArrayType:
    """Stands for `numpy.ndarray`, of which a pickle only passes the name on."""


class _ElementType:
    """Stands for `numpy.dtype`; a pickle calls it with a code such as `u1` and then sets its state."""

    def __init__(self, code: Any, *_: Any) -> None:
        self.code = code.decode("ascii", "replace") if isinstance(code, bytes) else code

    def __setstate__(self, state: Any) -> None:
        pass  # byte order and alignment: a byte has none


class _StoredArray:
    """Keeps what a pickle says of an array: its shape, its element type, its order and its bytes."""

    def __init__(self, *_: Any) -> None:
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def array(self) -> NDArray[np.uint8]:
        if not isinstance(self.state, tuple) or len(self.state) != 5:
            raise ValueError("a pickled array without its parts")
        _, shape, element_type, is_fortran, content = self.state
        if not isinstance(element_type, _ElementType) or element_type.code not in ("u1", "|u1"):
            raise ValueError("a pickled array of something else than bytes")
        if not isinstance(shape, tuple) or not all(type(size) is int and size >= 0 for size in shape):
            raise ValueError("a pickled array without a shape")
        if is_fortran or not isinstance(content, bytes) or len(content) != math.prod(shape):
            raise ValueError(f"a pickled array of shape {shape} whose content is something else")
        return np.frombuffer(content, np.uint8).reshape(shape)


_STAND_INS: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _ArrayType,
    ("numpy", "dtype"): _ElementType,
    ("numpy.core.multiarray", "_reconstruct"): _StoredArray,
    ("numpy._core.multiarray", "_reconstruct"): _StoredArray,
}


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _STAND_INS:
            raise _RefusedError(f"a pickle that asks for {module}.{name}, which is refused")
        return _STAND_INS[module, name]

    def persistent_load(self, identifier: Any) -> Any:
        raise _RefusedError(f"a pickle that refers to {identifier!r} outside of it")


def _finished(value: Any) -> Any:
    return value.array() if isinstance(value, _StoredArray) else value
