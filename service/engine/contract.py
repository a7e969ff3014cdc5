"""What a SavedModel must offer to be served, read from its signatures. No TensorFlow: the forms of its messages suffice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.catalogue import Signature, TensorInfo
from service.engine.signatures import NUMPY_DTYPES

PREDICTION = "serving_default"
OUTPUTS = ("probabilities", "energy")
"""What a prediction is made of, in this order."""
INITIAL = "__saved_model_init_op"
"""Not for callers: what sets a model's tables."""


class UnfitModelError(Exception):
    """The SavedModel cannot be served; the message says why."""


def signatures(signature_defs: Mapping[str, Any]) -> dict[str, Signature]:
    """All that can be called by feeding and fetching plain tensors, from SignatureDefs by name."""
    found = {}
    for name, definition in sorted(signature_defs.items()):
        tensors = [*definition.inputs.values(), *definition.outputs.values()]
        if name != INITIAL and all(info.WhichOneof("encoding") == "name" for info in tensors):
            inputs = {key: _described(info) for key, info in sorted(definition.inputs.items())}
            outputs = {key: _described(info) for key, info in sorted(definition.outputs.items())}
            found[name] = Signature(inputs, outputs, definition.method_name)
    return found


def prediction(signature_defs: Mapping[str, Any], input_shape: tuple[int, ...], classes: int) -> Signature:
    """The signature that predicts.

    :raise UnfitModelError: it is not `images` uint8 (N, *input_shape) → `probabilities` float32 (N, classes), `energy`
        float32 (N).
    """
    signature = signatures(signature_defs).get(PREDICTION)
    if signature is None:
        raise UnfitModelError(f"no signature {PREDICTION!r}; it has {sorted(signature_defs)}")
    _check("input", signature.inputs, "images", "DT_UINT8", input_shape)
    _check("output", signature.outputs, "probabilities", "DT_FLOAT", (classes,))
    _check("output", signature.outputs, "energy", "DT_FLOAT", ())
    return signature


def _described(info: Any) -> TensorInfo:
    shape = None if info.tensor_shape.unknown_rank else tuple(dim.size for dim in info.tensor_shape.dim)
    dtypes = info.DESCRIPTOR.fields_by_name["dtype"].enum_type.values_by_number
    return TensorInfo(info.name, dtypes[info.dtype].name, shape)


def _check(side: str, tensors: Mapping[str, TensorInfo], name: str, dtype: str, shape: tuple[int, ...]) -> None:
    if name not in tensors:
        raise UnfitModelError(f"{PREDICTION} has no {side} {name!r}; it has {sorted(tensors)}")
    info = tensors[name]
    if (info.dtype, info.shape) != (dtype, (-1, *shape)):
        found, wanted = _shown(info.dtype, info.shape), _shown(dtype, (-1, *shape))
        raise UnfitModelError(f"{side} {name!r} of {PREDICTION} is {found}, not {wanted}")


def _shown(dtype: str, shape: tuple[int, ...] | None) -> str:
    sizes = None if shape is None else [None if size == -1 else size for size in shape]
    return f"{NUMPY_DTYPES.get(dtype, dtype)} {sizes}"
