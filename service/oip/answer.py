"""Arrays out: the JSON that answers an inference request, and the binary data behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from service.catalogue import ModelVersion
from service.oip import byte_elements
from service.oip.classification import best_classes
from service.oip.datatypes import BYTES, datatype_of
from service.oip.message import LENGTH_HEADER, InferenceRequest, Wish
from service.responses import Reply

BINARY_TYPE = "application/octet-stream"


def answer(
    request: InferenceRequest,
    version: ModelVersion,
    outputs: Mapping[str, npt.NDArray[Any]],
    labels: Mapping[str, Sequence[str]],
) -> Reply:
    """`outputs` as the request wishes them; `labels` names the classes of those outputs that are scores of classes.

    JSON alone, or with binary data behind it: then `LENGTH_HEADER` says where they begin. Data in JSON are row-major, in
    one list. What is no number in JSON (NaN, infinity) becomes null there; binary data hold it as it is.
    """
    wishes = request.wishes or [Wish(name, request.binary_by_default, 0) for name in outputs]
    documents: list[dict[str, Any]] = []
    blobs: list[bytes | memoryview] = []
    for wish in wishes:
        values = outputs[wish.name]
        if wish.classes:
            values = best_classes(values, wish.classes, labels.get(wish.name, ()))
        document, blob = _output(wish, values)
        documents.append(document)
        if blob is not None:
            blobs.append(blob)
    head: dict[str, Any] = {} if request.id == "" else {"id": request.id}
    head |= {"model_name": version.name, "model_version": str(version.version), "outputs": documents}
    text = orjson.dumps(head, option=orjson.OPT_SERIALIZE_NUMPY)
    if not blobs:
        return Reply(text)
    return Reply(b"".join([text, *blobs]), content_type=BINARY_TYPE, headers={LENGTH_HEADER: str(len(text))})


def _output(wish: Wish, values: npt.NDArray[Any]) -> tuple[dict[str, Any], bytes | memoryview | None]:
    is_text = values.dtype.kind == "O"
    document: dict[str, Any] = {
        "name": wish.name,
        "datatype": BYTES if is_text else datatype_of(values),
        "shape": list(values.shape),
    }
    if not wish.binary:
        document["data"] = values.ravel().tolist() if is_text else np.ascontiguousarray(values).ravel()
        return document, None
    if is_text:
        blob: bytes | memoryview = byte_elements.join(values.flat)
    else:
        blob = np.ascontiguousarray(values, values.dtype.newbyteorder("<")).reshape(-1).view(np.uint8).data
    document["parameters"] = {"binary_data_size": len(blob)}
    return document, blob
