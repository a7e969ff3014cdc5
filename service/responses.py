"""Answers, and errors as answers: one shape for the native routes, one for each protocol that is spoken beside them."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import orjson

from service.buffers import rejections
from service.errors import (
    BlankPictureError,
    LoadFailedError,
    QueueFullError,
    ServiceError,
    UnauthorizedError,
    UnsupportedMediaTypeError,
    WrongShapeError,
)

JSON_TYPE = "application/json"

TENSORFLOW_SERVING = "/v1/"
OPEN_INFERENCE = "/v2"
_MALFORMED: dict[type[ServiceError], int] = dict.fromkeys(
    (WrongShapeError, BlankPictureError, UnsupportedMediaTypeError), 400
)
_STATUS: dict[str, dict[type[ServiceError], int]] = {
    # TensorFlow Serving knows 400 for every fault of the input and 503 (UNAVAILABLE) for a full queue.
    TENSORFLOW_SERVING: {**_MALFORMED, QueueFullError: 503},
    OPEN_INFERENCE: {**_MALFORMED, LoadFailedError: 400},
}


class Reply(msgspec.Struct, frozen=True):
    """A whole answer."""

    body: bytes
    status: int = 200
    content_type: str = JSON_TYPE
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)


def refused(error: ServiceError, path: str, request_id: str) -> Reply:
    """`error` as whoever asks at `path` expects it; counts the rejection.

    Natively `{"error": {"type", "message", "field"?, "request_id"}}`, elsewhere `{"error": message}`, which begins
    with the part at fault.
    """
    rejections.note(error.type)
    protocol = protocol_of(path)
    if protocol is None:
        return Reply(_dump(error.document(request_id)), error.status, headers=_headers(error))
    status = _STATUS[protocol].get(type(error), error.status)
    message = error.message if error.field is None else f"{error.field}: {error.message}"
    return Reply(_dump({"error": message}), status, headers=_headers(error))


def protocol_of(path: str) -> str | None:
    """`TENSORFLOW_SERVING`, `OPEN_INFERENCE`, or None for the native routes."""
    if path.startswith(TENSORFLOW_SERVING):
        return TENSORFLOW_SERVING
    if path == OPEN_INFERENCE or path.startswith(OPEN_INFERENCE + "/"):
        return OPEN_INFERENCE
    return None


def _dump(document: object) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)


def _headers(error: ServiceError) -> dict[str, str]:
    """What the status obliges to say beside the body."""
    headers = {}
    if error.retry_after_seconds is not None:
        headers["Retry-After"] = str(error.retry_after_seconds)
    if isinstance(error, UnauthorizedError):
        headers["WWW-Authenticate"] = "Bearer"
    return headers
