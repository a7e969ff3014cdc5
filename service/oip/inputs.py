"""The tensors of a request as the model takes them: datatype, shape and amount checked, pictures prepared.

Binary data of the model's own dtype is used where it lies, without a copy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from service import dense_json, tensors
from service.catalogue import Signature, TensorInfo
from service.errors import InvalidParameterError, MalformedRequestError, PayloadTooLargeError, WrongShapeError
from service.images.limits import PictureLimits
from service.oip import byte_elements
from service.oip.datatypes import BYTES, NUMERIC, datatype_of_tensor, dtype_of
from service.oip.message import InferenceRequest, InputTensor
from service.router import Target

Array = npt.NDArray[Any]

_MAX_RANK = 16
_MAX_ELEMENTS = 2**40
"""Far more than any body can hold; NumPy's own limit is not much beyond."""


@dataclass(frozen=True, slots=True)
class InputLimits:
    """How much one request may bring."""

    max_pictures: int
    picture: PictureLimits


def read_inputs(
    request: InferenceRequest, signature: Signature, target: Target, limits: InputLimits
) -> dict[str, Array]:
    """Every input of `signature` by name, with its dtype and shape, C-contiguous; perhaps read-only or unaligned.

    :raise InputError: an input is missing, unknown, of another shape or datatype, or its data are at fault.
    """
    if request.raw is not None:
        name, info = _only(signature)
        return {name: _from_raw(name, info, request.raw, limits)}
    for tensor, _ in request.inputs:
        if tensor.name not in signature.inputs:
            known = ", ".join(signature.inputs) or "none"
            raise InvalidParameterError(f"the model has no such input; its inputs: {known}", field=tensor.name[:80])
    given = {tensor.name for tensor, _ in request.inputs}
    for name in signature.inputs:
        if name not in given:
            raise MalformedRequestError("this input is missing", field=name)
    return {
        tensor.name: _read(tensor, blob, signature.inputs[tensor.name], target, limits)
        for tensor, blob in request.inputs
    }


def _read(tensor: InputTensor, blob: memoryview | None, info: TensorInfo, target: Target, limits: InputLimits) -> Array:
    name, shape = tensor.name, tensor.shape
    if len(shape) > _MAX_RANK:
        raise WrongShapeError(f"no tensor has {len(shape)} dimensions", field=name)
    if any(size < 0 for size in shape) or math.prod(max(1, size) for size in shape) > _MAX_ELEMENTS:
        raise WrongShapeError(f"no tensor has shape {str(list(shape))[:80]}", field=name)
    if tensor.datatype == BYTES:
        return _read_pictures(tensor, blob, info, target, limits)
    dtype = dtype_of(tensor.datatype)
    if dtype is None:
        raise MalformedRequestError(
            f"datatype {tensor.datatype[:40]!r} is not known here; known: {', '.join(NUMERIC)}, {BYTES}", field=name
        )
    tensors.check_shape(shape, info.shape, name)
    _check_count(shape, info, name, limits)
    if blob is not None:
        values = _from_blob(name, shape, tensor.datatype, dtype, blob)
    else:
        values = _from_json(name, shape, tensor.datatype, dtype, tensor)
    return _as_model_takes(values, info, name)


def _from_blob(name: str, shape: tuple[int, ...], datatype: str, dtype: np.dtype[Any], blob: memoryview) -> Array:
    expected = math.prod(shape) * dtype.itemsize
    if len(blob) != expected:
        raise MalformedRequestError(f"has {len(blob)} bytes; {list(shape)} of {datatype} are {expected}", field=name)
    # Little-endian by the protocol, whatever this machine is.
    values = np.frombuffer(blob, dtype.newbyteorder("<")).reshape(shape)
    if datatype == "BOOL" and (values.view(np.uint8) > 1).any():
        raise MalformedRequestError("a BOOL is a byte of value 0 or 1", field=name)
    return values


def _from_json(name: str, shape: tuple[int, ...], datatype: str, dtype: np.dtype[Any], tensor: InputTensor) -> Array:
    if datatype == "FP16":
        raise MalformedRequestError("FP16 has no form in JSON; send it as binary data", field=name)
    data = _loads(tensor)
    values = _booleans(data, name) if datatype == "BOOL" else tensors.from_json(data, dtype.name, name)
    if values.shape == shape:
        return values
    total = math.prod(shape)
    if values.ndim > 1 or values.size != total:
        raise WrongShapeError(
            f"data has shape {tensors.shown(values.shape)}; expected {tensors.shown(shape)}, or {total} numbers in a row",
            field=name,
        )
    return values.reshape(shape)


def _booleans(data: object, name: str) -> Array:
    values = np.array(data, dtype=object)
    if set(map(type, values.flat)) - {bool}:
        raise MalformedRequestError("its elements are not all true or false", field=name)
    return values.astype(np.bool_)


def _loads(tensor: InputTensor) -> Any:
    try:
        return dense_json.loads(bytes(tensor.data))
    except orjson.JSONDecodeError as error:
        raise MalformedRequestError(f"not JSON: {error}", field=tensor.name) from None


def _as_model_takes(values: Array, info: TensorInfo, name: str) -> Array:
    wanted = dtype_of(datatype_of_tensor(info))
    if wanted is not None and values.dtype == wanted:
        return values
    dtype = tensors.NUMPY_NAMES.get(info.dtype)
    if dtype is None:
        raise MalformedRequestError(f"the model takes {info.dtype} here, which cannot be sent", field=name)
    return tensors.as_dtype(_widened(values, name), dtype, name)


def _widened(values: Array, name: str) -> Array:
    """The same values in a dtype that conversion starts from: uint8, int32, int64, float32 or float64.

    :raise WrongShapeError: one is beyond int64, which holds more than any dtype that a model takes here.
    """
    if values.dtype.kind == "b":
        return values.view(np.uint8)  # 0 and 1
    if values.dtype.name in ("int8", "int16", "uint16", "uint32"):
        return values.astype(np.int64)
    if values.dtype == np.float16:
        return values.astype(np.float32)
    if values.dtype != np.uint64:
        return values
    beyond = values > np.iinfo(np.int64).max
    if beyond.any():
        index = int(np.argmax(beyond))
        place = tensors.place(name, index, values.shape)
        raise WrongShapeError(f"{values.flat[index]} is too large for the model", field=place)
    return values.astype(np.int64)


def _read_pictures(
    tensor: InputTensor, blob: memoryview | None, info: TensorInfo, target: Target, limits: InputLimits
) -> Array:
    name, shape = tensor.name, tensor.shape
    if info.dtype != "DT_UINT8" or info.shape is None or info.shape[1:] != target.shape:
        raise MalformedRequestError(
            f"BYTES are encoded pictures; this input takes {datatype_of_tensor(info)}", field=name
        )
    if not (len(shape) == 1 or (len(shape) == 2 and shape[1] == 1)):
        raise WrongShapeError(f"encoded pictures have shape [N] or [N,1], not {tensors.shown(shape)}", field=name)
    count = shape[0]
    _check_count(shape, info, name, limits)
    if blob is not None:
        elements = [bytes(element) for element in byte_elements.split(blob, count, name)]
    else:
        elements = byte_elements.from_texts(_loads(tensor), count, name)
    images = np.empty((count, *target.shape), np.uint8)
    for index, element in enumerate(elements):
        images[index] = tensors.read_encoded(element, target, limits.picture, f"{name}[{index}]")
    return images


def _check_count(shape: tuple[int, ...], info: TensorInfo, name: str, limits: InputLimits) -> None:
    if info.shape is None or not info.shape or info.shape[0] >= 0:
        return
    if shape[0] == 0:
        raise WrongShapeError("nothing in it", field=name)
    if shape[0] > limits.max_pictures:
        raise PayloadTooLargeError(f"{shape[0]} at once; at most {limits.max_pictures} may be sent", field=name)


def _only(signature: Signature) -> tuple[str, TensorInfo]:
    if len(signature.inputs) != 1:
        raise MalformedRequestError(
            f"a body without a header is for models with one input; this has {len(signature.inputs)}", field="body"
        )
    return next(iter(signature.inputs.items()))


def _from_raw(name: str, info: TensorInfo, raw: memoryview, limits: InputLimits) -> Array:
    dtype = dtype_of(datatype_of_tensor(info))
    if dtype is None or info.shape is None or info.shape.count(-1) > 1:
        raise MalformedRequestError("the shape cannot be told from the number of bytes; send a header", field=name)
    size = math.prod(n for n in info.shape if n >= 0) * dtype.itemsize
    count, rest = divmod(len(raw), size) if size else (0, len(raw))
    if rest or (-1 not in info.shape and count != 1):
        raise WrongShapeError(f"{tensors.shown(info.shape)} cannot be made of {len(raw)} bytes", field=name)
    shape = tuple(count if n < 0 else n for n in info.shape)
    _check_count(shape, info, name, limits)
    return np.frombuffer(raw, dtype.newbyteorder("<")).reshape(shape)
