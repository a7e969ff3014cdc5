from __future__ import annotations

import orjson
import pytest
from prometheus_client import REGISTRY

from service import errors
from service.responses import error_body, error_headers


def rejections(reason: str) -> float:
    return REGISTRY.get_sample_value("digits_rejections_total", {"reason": reason}) or 0.0


def test_the_body_is_the_document_and_a_line_end() -> None:
    body = error_body(errors.InvalidParameterError("no", field="top_k"), "id-1")
    assert orjson.loads(body) == {
        "error": {"type": "invalid_parameter", "message": "no", "field": "top_k", "request_id": "id-1"}
    }
    assert body.endswith(b"}\n")


def test_every_refusal_is_counted() -> None:
    before = rejections("queue_full")
    error_body(errors.QueueFullError("no"), "id-1")
    assert rejections("queue_full") == before + 1


@pytest.mark.parametrize(("seconds", "headers"), [(None, {}), (2, {"Retry-After": "2"})])
def test_when_to_come_again(seconds: int | None, headers: dict[str, str]) -> None:
    assert error_headers(errors.NotReadyError("no", retry_after_seconds=seconds)) == headers
