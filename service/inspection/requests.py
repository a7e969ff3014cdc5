"""What `/convolve` and `/pool` are asked: from a body and what stands behind the question mark to numbers."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

import numpy as np
import orjson

from service.errors import InvalidParameterError, MalformedRequestError, PayloadTooLargeError, WrongShapeError
from service.images.decode import decode
from service.images.limits import PictureLimits
from service.inspection import filtering
from service.inspection.filtering import Array

Kind = Literal["max", "average"]
_PADDING_MAX: Final = 64
_STRIDE_MAX: Final = 64
_FILTERS_MAX: Final = 256


@dataclass(frozen=True, slots=True)
class Windows:
    """How a window goes over a picture."""

    stride: int
    padding: int
    floor: bool
    """Whether what a stride leaves over is left out, instead of being an error."""


@dataclass(frozen=True, slots=True)
class Convolve:
    """`picture` (H, W, C), `kernel` (k, l, C, F), `bias` (F); `flat`: whether the picture came as (H, W)."""

    picture: Array
    kernel: Array
    bias: Array
    windows: Windows
    flat: bool


@dataclass(frozen=True, slots=True)
class Pool:
    """`picture` (H, W, C); `flat`: whether it came as (H, W)."""

    picture: Array
    size: int
    kind: Kind
    windows: Windows
    flat: bool


def convolve(content_type: str, body: bytes, query: Mapping[str, str], limits: PictureLimits) -> Convolve:
    """JSON `{"image", "kernel", "bias", "stride", "padding", "floor"}`, or a picture with the rest in the query.

    :raise InputError: the part at fault is named.
    """
    given = _given(content_type, body, query, limits)
    picture, flat = _picture(given)
    kernel = _kernel(given.get("kernel"), picture.shape[2])
    bias = filtering.numbers_of(given.get("bias", [0.0] * kernel.shape[3]), "bias", (1,))
    if len(bias) != kernel.shape[3]:
        raise WrongShapeError(f"{len(bias)} numbers for {kernel.shape[3]} filters", field="bias")
    return Convolve(picture, kernel, bias, _windows(given, stride=1), flat)


def pool(content_type: str, body: bytes, query: Mapping[str, str], limits: PictureLimits) -> Pool:
    """JSON `{"image", "size", "kind", "stride", "padding", "floor"}`, or a picture with the rest in the query.

    :raise InputError: the part at fault is named.
    """
    given = _given(content_type, body, query, limits)
    picture, flat = _picture(given)
    size = _whole(given, "size", 2, 1, filtering.KERNEL_SIDE_MAX)
    windows = _windows(given, stride=size)
    if windows.padding >= size:
        raise InvalidParameterError(f"padding must be less than the size, {size}", field="padding")
    kind = given.get("kind", "max")
    for name in get_args(Kind):
        if kind == name:
            return Pool(picture, size, name, windows, flat)
    raise InvalidParameterError(
        f"kind must be one of {', '.join(get_args(Kind))}, not {str(kind)[:40]!r}", field="kind"
    )


def _given(content_type: str, body: bytes, query: Mapping[str, str], limits: PictureLimits) -> dict[str, Any]:
    """Everything by name; what stands behind the question mark counts less than what the body says."""
    given: dict[str, Any] = dict(query)
    given.pop("format", None)
    if not body:
        raise MalformedRequestError("the body is empty; send a picture, or JSON with an image", field="body")
    if content_type.partition(";")[0].strip().lower() != "application/json":
        return {**given, "image": decode(body, limits)}
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedRequestError(f"not JSON: {error}", field="body") from None
    if not isinstance(document, dict) or "image" not in document:
        raise MalformedRequestError('expected {"image": …}', field="image")
    if isinstance(document["image"], str):
        document["image"] = decode(_bytes(document["image"]), limits)
    return {**given, **document}


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text.partition(",")[2] if text.startswith("data:") else text, validate=True)
    except (binascii.Error, ValueError):
        raise MalformedRequestError("not base64", field="image") from None


def _picture(given: Mapping[str, Any]) -> tuple[Array, bool]:
    array = filtering.numbers_of(given["image"], "image", (2, 3))
    if max(array.shape[:2]) > filtering.SIDE_MAX:
        raise PayloadTooLargeError(f"at most {filtering.SIDE_MAX} pixels a side", field="image")
    return (array[..., np.newaxis], True) if array.ndim == 2 else (array, False)


def _kernel(value: Any, channels: int) -> Array:
    """(k, l, C, F). A kernel of two dimensions goes over every channel alike and adds up what it finds."""
    if value is None:
        raise InvalidParameterError(f"name a kernel: {', '.join(filtering.NAMED_KERNELS)}; or send one", field="kernel")
    if isinstance(value, str):
        if value not in filtering.NAMED_KERNELS:
            known = ", ".join(filtering.NAMED_KERNELS)
            raise InvalidParameterError(f"there is no kernel {value[:40]!r}; there are {known}", field="kernel")
        value = filtering.NAMED_KERNELS[value]
    kernel = filtering.numbers_of(value, "kernel", (2, 3, 4))
    if kernel.ndim == 2:
        kernel = np.repeat(kernel[..., np.newaxis], channels, axis=2)
    if kernel.ndim == 3:
        kernel = kernel[..., np.newaxis]
    if max(kernel.shape[:2]) > filtering.KERNEL_SIDE_MAX or kernel.shape[3] > _FILTERS_MAX:
        raise PayloadTooLargeError(
            f"at most {filtering.KERNEL_SIDE_MAX} numbers a side and {_FILTERS_MAX} filters", field="kernel"
        )
    return kernel


def _windows(given: Mapping[str, Any], *, stride: int) -> Windows:
    floor = given.get("floor", False)
    if floor not in (True, False, "true", "false"):
        raise InvalidParameterError("floor must be true or false", field="floor")
    return Windows(
        _whole(given, "stride", stride, 1, _STRIDE_MAX),
        _whole(given, "padding", 0, 0, _PADDING_MAX),
        floor in (True, "true"),
    )


def _whole(given: Mapping[str, Any], name: str, default: int, low: int, high: int) -> int:
    value = given.get(name, default)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise InvalidParameterError(f"{name} must be a whole number from {low} to {high}", field=name)
    return value
