"""What the protocols that name a model's tensors have in common: JSON numbers, typed arrays and encoded pictures in,
arrays of the dtype and shape that the model takes out.

Values are never changed on the way: a number that the wanted dtype cannot hold is an error that names it by its place
(`instances[3][0][5]`). The one exception is what a decimal fraction in JSON means: the nearest float32.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from contextlib import suppress
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from service.dense_json import Dense
from service.errors import MalformedRequestError, ServiceError, UnsupportedMediaTypeError, WrongShapeError
from service.images import read_for
from service.images.limits import PictureLimits
from service.router import Target

Array = npt.NDArray[Any]
Shape = tuple[int, ...]

NUMPY_NAMES = {"DT_UINT8": "uint8", "DT_INT32": "int32", "DT_INT64": "int64", "DT_FLOAT": "float32"}
"""The dtypes that are spoken here, by TensorFlow's name of them."""

_MAX_RANK = 16
_INT64_END = 2.0**63
_FLOAT32_WHOLE = 2**24
"""Up to here every whole number is a float32."""


def as_dtype(values: Array | Any, dtype: str, field: str) -> Array:
    """`values`, an array or nested JSON numbers, as `dtype` (uint8, int32, int64 or float32), each value unchanged.

    :raise MalformedRequestError: not all of them are numbers.
    :raise WrongShapeError: `dtype` cannot hold one of them, or the lists differ in length.
    """
    if not isinstance(values, np.ndarray):
        return from_json(values, dtype, field)
    if values.dtype == dtype:
        return values
    if values.dtype.kind not in "iuf":
        raise MalformedRequestError(f"its elements are {values.dtype}, not numbers", field=field)
    converted, changed = _converted(values, dtype)
    if changed.any():
        index = int(np.argmax(changed))
        raise _unfit(values.flat[index].item(), dtype, place(field, index, values.shape))
    return converted


def _converted(values: Array, dtype: str) -> tuple[Array, npt.NDArray[np.bool_]]:
    """`values` as `dtype`, and which of them are others now."""
    with np.errstate(invalid="ignore", over="ignore"):
        converted = values.astype(dtype)
        changed: npt.NDArray[np.bool_] = converted.astype(values.dtype) != values
    # Some processors cut what is too large for int64 to its largest value, which looks unchanged on the way back.
    if values.dtype.kind == "f" and converted.dtype.kind != "f":
        changed |= values >= _INT64_END
    elif converted.dtype.kind == "f":
        if values.dtype.kind != "f":
            changed |= converted >= _INT64_END
        changed &= ~np.isnan(converted)
    return converted, changed


def from_json(nested: Any, dtype: str, field: str, shape: Shape | None = None) -> Array:
    """JSON numbers, a `Dense` or nested to any depth, as `dtype`; `shape` is what they must have, -1 for any size.

    A whole number may be written as a fraction (`5.0`). :raise: as `as_dtype`.
    """
    numbers, found = _flatten(nested, field, shape)
    check_shape(found, shape, field)
    if dtype == "uint8" and isinstance(nested, Dense):  # the usual case: no need to look at the type of every number
        with suppress(ValueError, TypeError):
            return np.frombuffer(bytearray(numbers), np.uint8).reshape(found)
    kinds = set(map(type, numbers))
    if not kinds <= {int, float}:
        index = next(i for i, value in enumerate(numbers) if type(value) not in (int, float))
        raise MalformedRequestError(f"{_shown(numbers[index])} is not a number", field=place(field, index, found))
    return _typed(numbers, kinds, dtype, field, found).reshape(found)


def _flatten(nested: Any, field: str, wanted: Shape | None) -> tuple[list[Any], Shape]:
    """All leaves in order, and the shape of what they were nested in."""
    if isinstance(nested, Dense):
        return nested.numbers, nested.shape
    if isinstance(nested, list) and any(isinstance(item, Dense) for item in nested):
        nested = _joined(nested)
        if isinstance(nested, Dense):
            return nested.numbers, nested.shape
    level: list[Any] = [nested]
    shape: Shape = ()
    while level:
        kinds = set(map(type, level))
        if list not in kinds:
            break
        if len(shape) == _MAX_RANK:
            raise WrongShapeError(f"lists are nested more than {_MAX_RANK} deep", field=field)
        if len(kinds) > 1:
            index = next(i for i, value in enumerate(level) if type(value) is not type(level[0]))
            one, other = ("a list", "none") if type(level[0]) is list else ("none", "a list")
            raise WrongShapeError(f"is {other} where others are {one}", field=place(field, index, shape))
        size = len(level[0])
        if wanted is not None and len(shape) < len(wanted) and wanted[len(shape)] >= 0:
            size = wanted[len(shape)]
        if set(map(len, level)) != {size}:
            index = next(i for i, value in enumerate(level) if len(value) != size)
            raise WrongShapeError(
                f"has {len(level[index])} elements; expected {size}", field=place(field, index, shape)
            )
        shape = (*shape, size)
        level = list(chain.from_iterable(level))
    return level, shape


def _joined(items: list[Any]) -> Dense | list[Any]:
    """Items, `Dense` ones among them, as one; as lists in lists if they differ in shape."""
    shapes = {item.shape if isinstance(item, Dense) else None for item in items}
    shape = shapes.pop()
    if shape is None or shapes:
        return [item.lists() if isinstance(item, Dense) else item for item in items]
    return Dense(list(chain.from_iterable(item.numbers for item in items)), (len(items), *shape))


def _typed(numbers: list[Any], kinds: set[type], dtype: str, field: str, shape: Shape) -> Array:
    if dtype == "float32":
        return _float32(numbers, kinds, field, shape)
    if kinds == {int, float} and dtype in ("int64", "uint64"):
        # Not by way of float64, which knows no odd numbers beyond 2^53.
        numbers = [int(n) if type(n) is float and n.is_integer() else n for n in numbers]
        kinds = set(map(type, numbers))
    if kinds <= {int}:
        try:
            if dtype == "uint8":
                return np.frombuffer(bytearray(numbers), np.uint8)  # several times as fast as np.array
            return np.array(numbers, dtype)
        except (ValueError, OverflowError):
            info = np.iinfo(dtype)
            index = next(i for i, value in enumerate(numbers) if not info.min <= value <= info.max)
            raise _unfit(numbers[index], dtype, place(field, index, shape)) from None
    converted, changed = _converted(np.array(numbers, np.float64), dtype)
    if changed.any():
        index = int(np.argmax(changed))
        raise _unfit(numbers[index], dtype, place(field, index, shape))
    return converted


def _float32(numbers: list[Any], kinds: set[type], field: str, shape: Shape) -> Array:
    wide = np.array(numbers, np.float64)
    with np.errstate(over="ignore"):
        converted = wide.astype(np.float32)
    bad = ~np.isfinite(converted)
    if int in kinds:
        for index in np.flatnonzero(np.abs(wide) > _FLOAT32_WHOLE).tolist():
            bad[index] |= type(numbers[index]) is int and converted[index].item() != numbers[index]
    if bad.any():
        index = int(np.argmax(bad))
        raise _unfit(numbers[index], "float32", place(field, index, shape))
    return converted


def check_shape(found: Sequence[int], wanted: Sequence[int] | None, field: str) -> None:
    """:raise WrongShapeError: `found` is not `wanted`, where -1 stands for any size and None for any shape."""
    if wanted is None:
        return
    if len(found) != len(wanted) or any(w >= 0 and f != w for f, w in zip(found, wanted, strict=True)):
        raise WrongShapeError(f"has shape {shown(found)}; expected {shown(wanted)}", field=field)


def shown(shape: Sequence[int]) -> str:
    """`[?,28,28,1]`: a shape for people."""
    return f"[{','.join('?' if size < 0 else str(size) for size in shape)}]"


def place(field: str, index: int, shape: Sequence[int]) -> str:
    """The name of the `index`-th element, row-major, of something nested in this shape: `field[1][2]`."""
    places = []
    for size in reversed(shape):
        index, position = divmod(index, size)
        places.append(f"[{position}]")
    return field + "".join(reversed(places))


def from_base64(text: str, field: str) -> bytes:
    """Decode standard Base64; line breaks in it, and padding that is missing, are forgiven.

    :raise MalformedRequestError: it is none.
    """
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        text = "".join(text.split())
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise MalformedRequestError("is not Base64", field=field) from None


def read_encoded(data: bytes, target: Target, limits: PictureLimits, field: str) -> npt.NDArray[np.uint8]:
    """An encoded picture as `target` takes it: uint8 `target.shape`, prepared as for `/predict`.

    :raise UnsupportedMediaTypeError: the model takes arrays only, or the picture's format is not accepted.
    :raise InputError: as `service.images.read_picture`; every error names `field`.
    """
    if not target.reads_pictures:
        version = target.version
        raise UnsupportedMediaTypeError(
            f"{version.name}/{version.version} takes arrays only: no preparation of pictures is known for it",
            field=field,
        )
    try:
        return read_for(target.version.preparation, target.shape, data, limits)[0]
    except ServiceError as error:
        raise error.at(field) from None


def _unfit(value: int | float, dtype: str, field: str) -> WrongShapeError:
    return WrongShapeError(f"{value!r} cannot be {dtype} without loss", field=field)


def _shown(value: Any) -> str:
    kinds = {str: "a text", dict: "an object", bool: str(value).lower(), type(None): "null"}
    return kinds.get(type(value), type(value).__name__)
