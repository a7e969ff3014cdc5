"""`:predict` requests: JSON in, the arrays that a signature takes out.

{"signature_name": …, "instances": [element, …]}     row form: an element is one of everything, without batch axis
{"signature_name": …, "inputs": …}                   column form: whole tensors, by name, or the only one bare
{"b64": "…"}                                         stands for an encoded picture wherever a picture may stand
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import orjson

from service import dense_json
from service.catalogue import Signature, TensorInfo
from service.dense_json import Dense
from service.errors import MalformedRequestError, PayloadTooLargeError, ServiceError, WrongShapeError
from service.tensors import NUMPY_NAMES, from_base64, from_json

Form = Literal["row", "column"]
Array = npt.NDArray[Any]
SERVING = "serving_default"

_ELEMENT = re.compile(r"(?:instances|examples)\[[0-9]+\]")


@dataclass(frozen=True, slots=True)
class Pictures:
    """Where encoded pictures may stand in for arrays, and how they are read."""

    shape: tuple[int, ...]
    """Of one picture: (height, width, channels)."""
    read: Callable[[bytes, str], npt.NDArray[np.uint8]]
    """From bytes, and the place they are from, to uint8 of that shape; raises ServiceError."""
    max_pictures: int

    def fit(self, info: TensorInfo) -> bool:
        """Whether an input takes pictures."""
        return info.dtype == "DT_UINT8" and info.shape == (-1, *self.shape)

    def check_count(self, count: int) -> None:
        """:raise PayloadTooLargeError: more than one request may bring."""
        if count > self.max_pictures:
            raise PayloadTooLargeError(f"{count} pictures; at most {self.max_pictures} may be sent at once")


@dataclass(frozen=True, slots=True)
class PredictRequest:
    """A request whose outer form is well."""

    signature: str
    form: Form
    value: Any


def document(body: bytes) -> dict[str, Any]:
    """The JSON object that a request is.

    :raise MalformedRequestError: it is none.
    """
    if not body:
        raise MalformedRequestError("JSON Parse error: The document is empty")
    try:
        found = dense_json.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedRequestError(f"JSON Parse error: {error}") from None
    if not isinstance(found, dict):
        raise MalformedRequestError("JSON Value: Is not object")
    return found


def signature_name(document: Mapping[str, Any]) -> str:
    """Which signature a request names, the default one if none.

    :raise MalformedRequestError: its name is no text.
    """
    name = document.get("signature_name", SERVING)
    if not isinstance(name, str):
        raise MalformedRequestError("'signature_name' key must be a string value.")
    return name or SERVING


def parse(body: bytes) -> PredictRequest:
    """Read a request, up to but not including its tensors.

    :raise MalformedRequestError: not JSON; both or neither of `instances` and `inputs`; no instances.
    """
    found = document(body)
    signature = signature_name(found)
    if "instances" in found and "inputs" in found:
        raise MalformedRequestError(
            "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist"
        )
    if "instances" in found:
        instances = found["instances"]
        if not isinstance(instances, list | Dense):
            raise MalformedRequestError("Expecting 'instances' to be an list/array")
        if instances == []:
            raise MalformedRequestError("No values in 'instances' array")
        return PredictRequest(signature, "row", instances)
    if "inputs" in found:
        return PredictRequest(signature, "column", found["inputs"])
    raise MalformedRequestError("Missing 'inputs' or 'instances' key")


def tensors(request: PredictRequest, signature: Signature, pictures: Pictures) -> dict[str, Array]:
    """Every input of `signature` with its dtype and shape, C-contiguous.

    :raise MalformedRequestError: an input is missing, or what is there is not numbers.
    :raise WrongShapeError: another shape, a number that the dtype cannot hold, or inputs of unequal length.
    :raise InputError: an encoded picture is at fault. Every error of an element names it: `instances[3]`.
    """
    found = _rows(request, signature, pictures) if request.form == "row" else _columns(request, signature, pictures)
    lengths = {name: len(found[name]) for name, info in signature.inputs.items() if info.shape and info.shape[0] < 0}
    for name, length in lengths.items():
        expected = next(iter(lengths.values()))
        if length != expected:
            raise WrongShapeError(f"has {length} elements; others have {expected}", field=f"inputs.{name}")
        if length == 0:
            raise WrongShapeError("nothing in it", field=f"inputs.{name}")
        pictures.check_count(length)
    return found


def is_encoded(value: Any) -> bool:
    """Whether it is `{"b64": "…"}`, and nothing else."""
    return isinstance(value, dict) and len(value) == 1 and isinstance(value.get("b64"), str)


def _rows(request: PredictRequest, signature: Signature, pictures: Pictures) -> dict[str, Array]:
    inputs, elements = signature.inputs, request.value
    if not inputs:
        raise MalformedRequestError(
            f'Failed to get input map for signature: {request.signature}; it takes none, so send {{"inputs": {{}}}}'
        )
    if isinstance(elements, list) and _is_named(elements[0]):
        return _named_rows(elements, signature, pictures)
    if len(inputs) > 1:
        raise MalformedRequestError(
            "instances is a plain list, but expecting list of objects as multiple input tensors required "
            "as per tensorinfo_map"
        )
    if isinstance(elements, list):
        pictures.check_count(len(elements))
        for index, element in enumerate(elements):
            if _is_named(element):
                raise MalformedRequestError(f"Expecting value/list but got object at item {index} of input list")
    ((name, info),) = inputs.items()
    return {name: tensor(elements, info, "instances", pictures)}


def _named_rows(elements: list[Any], signature: Signature, pictures: Pictures) -> dict[str, Array]:
    pictures.check_count(len(elements))
    names = set(signature.inputs)
    for index, element in enumerate(elements):
        if not _is_named(element):
            raise MalformedRequestError(f"Expecting object but got list at item {index} of input list")
        if set(element) != names:
            raise MalformedRequestError(
                f"Failed to process element: {index} of 'instances' list. "
                f"JSON object: keys must be equal to: {','.join(sorted(names))}",
                field=f"instances[{index}]",
            )
    found = {}
    for name, info in signature.inputs.items():
        try:
            found[name] = tensor([element[name] for element in elements], info, "instances", pictures)
        except ServiceError as error:
            # `instances[3][0]` as `instances[3].images[0]`
            raise error.at(_ELEMENT.sub(rf"\g<0>.{name}", error.field or "instances")) from None
    return found


def _columns(request: PredictRequest, signature: Signature, pictures: Pictures) -> dict[str, Array]:
    inputs, value = signature.inputs, request.value
    if not isinstance(value, dict) or is_encoded(value):
        if not inputs:
            raise MalformedRequestError(f'{request.signature} takes no inputs; send {{"inputs": {{}}}}')
        if len(inputs) > 1:
            raise MalformedRequestError(
                "inputs is a plain value/list, but expecting an object as multiple input tensors required "
                "as per tensorinfo_map"
            )
        ((name, info),) = inputs.items()
        return {name: tensor(value, info, "inputs", pictures)}
    for name in inputs:
        if name not in value:
            raise MalformedRequestError(f"Missing named input: {name} in 'inputs' object.")
    return {name: tensor(value[name], info, f"inputs.{name}", pictures) for name, info in inputs.items()}


def tensor(value: Any, info: TensorInfo, field: str, pictures: Pictures) -> Array:
    """One input, batch axis and all, from JSON.

    :raise InputError: as `tensors`.
    """
    dtype = NUMPY_NAMES.get(info.dtype)
    if dtype is None:
        raise MalformedRequestError(f"the model takes {info.dtype} here, which cannot be sent", field=field)
    if pictures.fit(info):
        if is_encoded(value):
            raise WrongShapeError('one picture stands in a list: [{"b64": …}]', field=field)
        if isinstance(value, list) and any(map(is_encoded, value)):
            pictures.check_count(len(value))
            return np.stack([picture(element, f"{field}[{i}]", pictures) for i, element in enumerate(value)])
    return from_json(value, dtype, field, info.shape)


def picture(value: Any, field: str, pictures: Pictures) -> npt.NDArray[np.uint8]:
    """One picture, encoded or as nested numbers."""
    if is_encoded(value):
        return pictures.read(from_base64(value["b64"], field), field)
    return from_json(value, "uint8", field, pictures.shape)


def _is_named(element: Any) -> bool:
    return isinstance(element, dict) and not is_encoded(element)
