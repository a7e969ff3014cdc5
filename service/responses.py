"""An error as an HTTP answer; one shape for every native route."""

from __future__ import annotations

import orjson

from service import metrics
from service.errors import ServiceError

JSON_TYPE = "application/json"


def error_body(error: ServiceError, request_id: str) -> bytes:
    """`{"error": {"type", "message", "field"?, "request_id"}}`; counts the rejection."""
    metrics.REJECTIONS.labels(error.type).inc()
    return orjson.dumps(error.document(request_id), option=orjson.OPT_APPEND_NEWLINE)


def error_headers(error: ServiceError) -> dict[str, str]:
    """What the status obliges to say beside the body."""
    return {} if error.retry_after_seconds is None else {"Retry-After": str(error.retry_after_seconds)}
