"""A model's status and metadata as TensorFlow Serving prints them."""

from __future__ import annotations

import json
from typing import Any

from service.catalogue import Catalogue, ModelVersion, Signature, State, TensorInfo
from service.errors import UnknownLabelError, UnknownVersionError
from service.tfserving.addresses import Address

STATES: dict[State, str] = {
    "loading": "LOADING",
    "available": "AVAILABLE",
    "unloading": "UNLOADING",
    "failed": "END",
}
"""TensorFlow Serving's name of each of ours. It has a START besides, a moment long, before LOADING."""


def model_status(catalogue: Catalogue, address: Address) -> bytes:
    """`{"model_version_status": […]}`: all versions of a model, newest first, or the one that is named.

    :raise UnknownModelError, UnknownVersionError, UnknownLabelError: there is none such.
    """
    versions = _named(catalogue, address)
    return _printed({"model_version_status": [_status(version) for version in versions]})


def metadata(catalogue: Catalogue, address: Address) -> bytes:
    """The signatures of the version that answers at this address.

    :raise ServiceError: as `Catalogue.resolve`.
    """
    version = catalogue.resolve(address.model, address.version, address.label)
    spec = {"name": version.name, "signature_name": "", "version": str(version.version)}
    signatures = {"signature_def": {name: _signature(found) for name, found in version.signatures.items()}}
    # TensorFlow Serving glues two printed messages together, and it shows.
    return b'{\n"model_spec":%b,\n"metadata": {"signature_def": %b}\n}\n' % (_printed(spec), _printed(signatures))


def _named(catalogue: Catalogue, address: Address) -> list[ModelVersion]:
    versions, number = catalogue.of(address.model), address.version
    if address.label is not None:
        labels = catalogue.offer(address.model).labels
        if address.label not in labels:
            known = ", ".join(sorted(labels)) or "none"
            raise UnknownLabelError(f"{address.model!r} has no label {address.label!r}; its labels: {known}")
        number = labels[address.label]
    if number is None:
        return versions
    found = [version for version in versions if version.version == number]
    if not found:
        raise UnknownVersionError(f"Could not find version {number} of model {address.model}")
    return found


def _status(version: ModelVersion) -> dict[str, Any]:
    failed = version.state == "failed"
    return {
        "version": str(version.version),
        "state": STATES[version.state],
        "status": {
            "error_code": "FAILED_PRECONDITION" if failed else "OK",
            "error_message": (version.reason or "") if failed else "",
        },
    }


def _signature(signature: Signature) -> dict[str, Any]:
    return {
        "inputs": {name: _tensor(info) for name, info in signature.inputs.items()},
        "outputs": {name: _tensor(info) for name, info in signature.outputs.items()},
        "method_name": signature.method_name,
    }


def _tensor(info: TensorInfo) -> dict[str, Any]:
    return {
        "dtype": info.dtype,
        "tensor_shape": {
            "dim": [{"size": str(size), "name": ""} for size in info.shape or ()],
            "unknown_rank": info.shape is None,
        },
        "name": info.name,
    }


def _printed(message: dict[str, Any]) -> bytes:
    """As protobuf prints a message with white space: one space of indent, and a line break at the end."""
    return json.dumps(message, indent=1, ensure_ascii=False).encode() + b"\n"
