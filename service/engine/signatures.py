"""Whether named tensors are what a signature takes, told from the catalogue alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from service.catalogue import Signature, TensorInfo
from service.wire import Tensor

NUMPY_DTYPES = {
    "DT_BOOL": "bool",
    "DT_HALF": "float16",
    "DT_FLOAT": "float32",
    "DT_DOUBLE": "float64",
    "DT_INT8": "int8",
    "DT_INT16": "int16",
    "DT_INT32": "int32",
    "DT_INT64": "int64",
    "DT_UINT8": "uint8",
    "DT_UINT16": "uint16",
    "DT_UINT32": "uint32",
    "DT_UINT64": "uint64",
    "DT_COMPLEX64": "complex64",
    "DT_COMPLEX128": "complex128",
}
"""TensorFlow's dtypes that travel as raw numbers; strings, for one, do not."""


class SignatureError(Exception):
    """`reason` is the `type` of a `service.errors` class."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def find(signatures: dict[str, Signature], name: str, outputs: Sequence[str]) -> tuple[Signature, tuple[str, ...]]:
    """The signature and the outputs to answer, all of them where none is asked for.

    :raise SignatureError: `unknown_signature`: there is no such signature or output, or it cannot be sent.
    """
    signature = signatures.get(name)
    if signature is None:
        raise SignatureError("unknown_signature", f"no signature {name!r}; there are {_listed(signatures)}")
    asked = tuple(outputs) or tuple(signature.outputs)
    for output in asked:
        info = signature.outputs.get(output)
        if info is None:
            raise SignatureError(
                "unknown_signature", f"{name} has no output {output!r}; it has {_listed(signature.outputs)}"
            )
        if info.dtype not in NUMPY_DTYPES:
            raise SignatureError("unknown_signature", f"output {output!r} of {name} is {info.dtype}, which is not sent")
    return signature, asked


def inputs(
    signature: Signature, tensors: Sequence[Tensor], frames: Sequence[memoryview], rows_limit: int
) -> dict[str, npt.NDArray[np.generic]]:
    """The arrays in `frames`, by name, in the signature's order; views, no copies.

    :raise SignatureError: `malformed_request`: an input is missing, unknown, named twice or without its frame;
        `wrong_shape`: one has another dtype or shape, or more than `rows_limit` rows where their number is free.
    """
    given = {tensor.name: (tensor, frame) for tensor, frame in zip(tensors, frames, strict=False)}
    if len(frames) != len(tensors) or len(given) != len(tensors) or set(given) != set(signature.inputs):
        raise SignatureError(
            "malformed_request",
            f"inputs are {_listed(given)} in {len(frames)} frames, not one each of {_listed(signature.inputs)}",
        )
    return {name: _array(name, info, *given[name], rows_limit) for name, info in signature.inputs.items()}


def rows(arrays: dict[str, npt.NDArray[np.generic]]) -> int:
    """How many pictures a call is about, as far as that can be told: the length of its first input, at least 1."""
    first = next(iter(arrays.values()), None)
    return max(1, len(first)) if first is not None and first.ndim else 1


def _array(name: str, info: TensorInfo, tensor: Tensor, frame: memoryview, rows_limit: int) -> npt.NDArray[np.generic]:
    dtype = NUMPY_DTYPES.get(info.dtype)
    if tensor.dtype != dtype:
        raise SignatureError("wrong_shape", f"input {name!r} is {tensor.dtype}, not {dtype or info.dtype}")
    if not _fits(tensor.shape, info.shape):
        raise SignatureError("wrong_shape", f"input {name!r} has shape {list(tensor.shape)}, not {_shown(info.shape)}")
    if tensor.shape and info.shape and info.shape[0] == -1 and tensor.shape[0] > rows_limit:
        raise SignatureError("wrong_shape", f"input {name!r} has {tensor.shape[0]} rows; {rows_limit} go at a time")
    try:
        return np.frombuffer(frame, dtype).reshape(tensor.shape)
    except ValueError:
        raise SignatureError(
            "wrong_shape", f"{frame.nbytes} bytes are no {dtype} of shape {list(tensor.shape)}"
        ) from None


def _fits(shape: tuple[int, ...], wanted: tuple[int, ...] | None) -> bool:
    if any(size < 0 for size in shape):
        return False
    if wanted is None:
        return True
    return len(shape) == len(wanted) and all(w in (-1, s) for s, w in zip(shape, wanted, strict=True))


def _shown(shape: tuple[int, ...] | None) -> str:
    return "any" if shape is None else str(list(shape))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"
