"""What the server and its models are: the protocol's metadata, and Triton's model configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.catalogue import Catalogue, Device, ModelVersion, TensorInfo
from service.oip.addressing import SERVING, signature_of
from service.oip.datatypes import BYTES, datatype_of_tensor
from service.version import __version__

Json = dict[str, Any]

NAME = "digits"
PLATFORM = "tensorflow_savedmodel"
EXTENSIONS = (
    "binary_tensor_data",
    "classification",
    "model_configuration",
    "model_repository",
    "model_repository(unload_dependents)",
    "statistics",
)


def server() -> Json:
    """`GET /v2`."""
    return {"name": NAME, "version": __version__, "extensions": list(EXTENSIONS)}


def model(catalogue: Catalogue, version: ModelVersion, signature: str, *, one_version: bool) -> Json:
    """A model's inputs and outputs by `signature`. `versions`: those that can be asked, or this one alone.

    :raise UnknownSignatureError: it has none of that name.
    """
    found = signature_of(version, signature)
    available = [v.version for v in catalogue.of(version.name) if v.state == "available"]
    return {
        "name": version.name,
        "versions": [str(v) for v in ([version.version] if one_version else sorted(available))],
        "platform": PLATFORM,
        "inputs": _tensors(found.inputs),
        "outputs": _tensors(found.outputs),
    }


def configuration(version: ModelVersion, max_batch_size: int, device: Device) -> Json:
    """Triton's model configuration of `serving_default`, as far as it has a meaning here.

    Inputs and outputs are those of one picture: the first dimension is the batch's, and stated by `max_batch_size`.

    :raise UnknownSignatureError: the version has no such signature.
    """
    found = signature_of(version, SERVING)
    return {
        "name": version.name,
        "platform": PLATFORM,
        "backend": "tensorflow",
        "version_policy": {"specific": {"versions": [version.version]}},
        "max_batch_size": max_batch_size,
        "input": [_configured(name, info) for name, info in found.inputs.items()],
        "output": [_configured(name, info) for name, info in found.outputs.items()],
        "instance_group": [{"name": version.name, "kind": f"KIND_{device.kind.upper()}", "count": 1}],
        # Batches form while the device is busy: there is no delay to wait for company.
        "dynamic_batching": {"max_queue_delay_microseconds": 0, "preserve_ordering": False},
    }


def _tensors(infos: Mapping[str, TensorInfo]) -> list[Json]:
    return [
        # A tensor of unknown rank has no shape in the protocol; one dimension of any size comes nearest.
        {"name": name, "datatype": datatype_of_tensor(info), "shape": [-1] if info.shape is None else list(info.shape)}
        for name, info in infos.items()
    ]


def _configured(name: str, info: TensorInfo) -> Json:
    datatype = datatype_of_tensor(info)
    dims = list(info.shape[1:]) if info.shape else []
    return {
        "name": name,
        "data_type": "TYPE_STRING" if datatype == BYTES else f"TYPE_{datatype}",
        "dims": dims or [1],
        # An output of one number a picture has shape [N] here, which Triton states so.
        **({} if dims else {"reshape": {"shape": []}}),
    }
