"""The protocol's names of datatypes, and NumPy's and TensorFlow's for the same."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from service.catalogue import TensorInfo

BYTES: Final = "BYTES"
"""Elements of any length: texts, or encoded pictures."""

# The protocol's, NumPy's, TensorFlow's.
_NUMBERS: Final = (
    ("BOOL", "bool", "DT_BOOL"),
    ("UINT8", "uint8", "DT_UINT8"),
    ("UINT16", "uint16", "DT_UINT16"),
    ("UINT32", "uint32", "DT_UINT32"),
    ("UINT64", "uint64", "DT_UINT64"),
    ("INT8", "int8", "DT_INT8"),
    ("INT16", "int16", "DT_INT16"),
    ("INT32", "int32", "DT_INT32"),
    ("INT64", "int64", "DT_INT64"),
    ("FP16", "float16", "DT_HALF"),
    ("FP32", "float32", "DT_FLOAT"),
    ("FP64", "float64", "DT_DOUBLE"),
)
_DTYPES: Final[dict[str, np.dtype[Any]]] = {name: np.dtype(numpy_name) for name, numpy_name, _ in _NUMBERS}
_BY_NUMPY: Final = {numpy_name: name for name, numpy_name, _ in _NUMBERS}
_BY_TENSORFLOW: Final = {tensorflow_name: name for name, _, tensorflow_name in _NUMBERS} | {"DT_STRING": BYTES}

NUMERIC: Final = tuple(_DTYPES)


def dtype_of(datatype: str) -> np.dtype[Any] | None:
    """NumPy's dtype for `"FP32"` and the like; None for BYTES and for what is not known."""
    return _DTYPES.get(datatype)


def datatype_of(array: npt.NDArray[Any]) -> str:
    """The protocol's name of an array's dtype.

    :raise KeyError: it has none.
    """
    return _BY_NUMPY[array.dtype.name]


def datatype_of_tensor(info: TensorInfo) -> str:
    """The protocol's name of a tensor's dtype; TensorFlow's own where the protocol has none."""
    return _BY_TENSORFLOW.get(info.dtype, info.dtype)
