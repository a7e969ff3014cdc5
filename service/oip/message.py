"""An inference request taken apart, up to but not including its tensors' numbers.

    header  {"id"?, "parameters"?, "inputs": [...], "outputs"?: [...]}        JSON
    blobs   the data of inputs with `binary_data_size`, one behind the other  binary tensor data extension

`Inference-Header-Content-Length` says where the header ends. 0: there is none, and the body is the only input's data.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from service.errors import InvalidParameterError, MalformedRequestError
from service.oip.addressing import SERVING

LENGTH_HEADER: Final = "Inference-Header-Content-Length"
_PLACE: Final = re.compile(r" - at `\$\.?(?P<place>.*)`$")
Parameters = dict[str, Any]


class InputTensor(msgspec.Struct, frozen=True):
    """An input as its header describes it."""

    name: str
    shape: tuple[int, ...]
    datatype: str
    data: msgspec.Raw = msgspec.Raw()
    """Still JSON; empty if there is none."""
    parameters: Parameters = {}


class RequestedOutput(msgspec.Struct, frozen=True):
    """An output that is wanted."""

    name: str
    parameters: Parameters = {}


class _Header(msgspec.Struct, frozen=True):
    inputs: tuple[InputTensor, ...]
    id: str | int = ""
    parameters: Parameters = {}
    outputs: tuple[RequestedOutput, ...] = ()


@dataclass(frozen=True, slots=True)
class Wish:
    """How an output shall be answered."""

    name: str
    binary: bool
    classes: int
    """Of how many of the best classes to name; 0: the numbers themselves."""


@dataclass(frozen=True, slots=True)
class InferenceRequest:
    """A request whose form is well."""

    id: str | int
    signature: str
    label: str | None
    inputs: tuple[tuple[InputTensor, memoryview | None], ...]
    """Each with its binary data, if that is how it came."""
    wishes: tuple[Wish, ...]
    """None: every output, as `binary_by_default` says."""
    binary_by_default: bool
    raw: memoryview | None = None
    """The whole body, if it has no header: the data of the only input."""


def parse(body: bytes, header_length: str) -> InferenceRequest:
    """Take a body apart; `header_length` is `LENGTH_HEADER`'s value, `""` if there is none. Copies no tensor.

    :raise MalformedRequestError: not JSON, a field missing or of another type, a name twice, data that is missing,
        cut short, or more than what is described.
    :raise InvalidParameterError: a parameter has the wrong type.
    """
    whole = memoryview(body)
    length = _length(header_length, len(body))
    if length == 0:
        return InferenceRequest("", SERVING, None, (), (), binary_by_default=True, raw=whole)
    header = _header(whole[:length])
    _refuse_twice("inputs", (tensor.name for tensor in header.inputs))
    _refuse_twice("outputs", (output.name for output in header.outputs))
    binary = _flag(header.parameters, "binary_data_output", "parameters")
    return InferenceRequest(
        header.id,
        _text(header.parameters, "signature_name") or SERVING,
        _text(header.parameters, "label"),
        tuple(_with_blobs(header.inputs, whole[length:])),
        tuple(_wish(output, f"outputs[{i}].parameters", binary) for i, output in enumerate(header.outputs)),
        binary,
    )


def _length(text: str, body_bytes: int) -> int:
    if not text:
        if not body_bytes:
            raise MalformedRequestError("the body is empty; expected an inference request", field="body")
        return body_bytes
    if not (text.isascii() and text.isdigit()):
        raise MalformedRequestError(f"must be a number of bytes, not {text[:40]!r}", field=LENGTH_HEADER)
    if len(text) > 18 or int(text) > body_bytes:
        raise MalformedRequestError(f"states {text[:40]} bytes; the body has {body_bytes}", field=LENGTH_HEADER)
    return int(text)


def _header(data: memoryview) -> _Header:
    try:
        return msgspec.json.decode(data, type=_Header)
    except msgspec.ValidationError as error:
        found = _PLACE.search(str(error))
        place = found["place"] if found else ""
        raise MalformedRequestError(_PLACE.sub("", str(error)), field=place or "body") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedRequestError(f"not JSON: {error}", field="body") from None


def _refuse_twice(field: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            raise MalformedRequestError(f"{name[:80]!r} is there twice", field=f"{field}[{index}]")
        seen.add(name)


def _with_blobs(tensors: Iterable[InputTensor], blobs: memoryview) -> Iterable[tuple[InputTensor, memoryview | None]]:
    at = 0
    for tensor in tensors:
        size = tensor.parameters.get("binary_data_size")
        has_data = len(memoryview(tensor.data)) > 0
        if "shared_memory_region" in tensor.parameters:
            raise InvalidParameterError("shared memory is not supported", field=tensor.name[:80])
        if size is None:
            if not has_data:
                raise MalformedRequestError("it has neither data nor binary_data_size", field=tensor.name[:80])
            yield tensor, None
            continue
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise InvalidParameterError("binary_data_size must be a number of bytes", field=tensor.name[:80])
        if has_data:
            raise MalformedRequestError("it has both data and binary_data_size", field=tensor.name[:80])
        if at + size > len(blobs):
            left = len(blobs) - at
            raise MalformedRequestError(
                f"binary_data_size is {size}; only {left} bytes are left behind the header", field=tensor.name[:80]
            )
        yield tensor, blobs[at : at + size]
        at += size
    if at != len(blobs):
        raise MalformedRequestError(f"{len(blobs) - at} bytes behind the header belong to no input", field="body")


def _wish(output: RequestedOutput, field: str, binary: bool) -> Wish:
    if "shared_memory_region" in output.parameters:
        raise InvalidParameterError("shared memory is not supported", field=output.name[:80])
    classes = output.parameters.get("classification", 0)
    if not isinstance(classes, int) or isinstance(classes, bool) or classes < 0:
        raise InvalidParameterError("must be a number of classes", field=f"{field}.classification")
    return Wish(output.name, _flag(output.parameters, "binary_data", field, default=binary), classes)


def _flag(parameters: Parameters, name: str, field: str, *, default: bool = False) -> bool:
    value = parameters.get(name, default)
    if not isinstance(value, bool):
        raise InvalidParameterError("must be true or false", field=f"{field}.{name}")
    return value


def _text(parameters: Parameters, name: str) -> str | None:
    value = parameters.get(name)
    if value is not None and not isinstance(value, str):
        raise InvalidParameterError("must be a text", field=f"parameters.{name}")
    return value or None
