"""Inference requests in the protocol's form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

LENGTH = "inference-header-content-length"
Json = dict[str, Any]


def tensor(name: str, datatype: str, shape: Sequence[int], data: Any, **parameters: Any) -> Json:
    """An input with its data in JSON."""
    return {
        "name": name,
        "datatype": datatype,
        "shape": list(shape),
        "data": data,
        **({"parameters": parameters} if parameters else {}),
    }


def blob(name: str, datatype: str, shape: Sequence[int], size: int) -> Json:
    """An input whose data, so many bytes, come behind the header."""
    return {"name": name, "datatype": datatype, "shape": list(shape), "parameters": {"binary_data_size": size}}


def pictures(images: npt.NDArray[np.uint8], **changes: Any) -> Json:
    """The input `images` in JSON, (N, 28, 28) as (N, 28, 28, 1)."""
    return {**tensor("images", "UINT8", (len(images), 28, 28, 1), images.ravel().tolist()), **changes}


def plain(*inputs: Json, **fields: Any) -> bytes:
    """A request without binary data."""
    return orjson.dumps({"inputs": inputs, **fields})


def binary(blobs: bytes, *inputs: Json, **fields: Any) -> tuple[bytes, dict[str, str]]:
    """A request with binary data: its body and headers."""
    header = plain(*inputs, **fields)
    return header + blobs, {LENGTH: str(len(header))}


def unpacked(body: bytes, headers: dict[str, str]) -> tuple[Json, dict[str, bytes]]:
    """An answer's JSON, and its binary data by output; all of its bytes have to belong to one."""
    if LENGTH not in headers:
        return orjson.loads(body), {}
    at = int(headers[LENGTH])
    document = orjson.loads(body[:at])
    blobs = {}
    for output in document["outputs"]:
        if "parameters" in output:
            size = output["parameters"]["binary_data_size"]
            blobs[output["name"]] = body[at : at + size]
            at += size
    assert at == len(body)
    return document, blobs
