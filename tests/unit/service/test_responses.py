"""An error as the one who asked expects it."""

from __future__ import annotations

import orjson
import pytest
from prometheus_client import REGISTRY

from service import errors
from service.buffers import flush_all
from service.errors import ServiceError
from service.responses import OPEN_INFERENCE, TENSORFLOW_SERVING, protocol_of, refused


def rejections(reason: str) -> float:
    flush_all()
    return REGISTRY.get_sample_value("digits_rejections_total", {"reason": reason}) or 0.0


@pytest.mark.parametrize(
    ("path", "protocol"),
    [
        ("/predict", None),
        ("/", None),
        ("/v1", None),
        ("/v1/models/cnn:predict", TENSORFLOW_SERVING),
        ("/v2", OPEN_INFERENCE),
        ("/v2/health/live", OPEN_INFERENCE),
        ("/v22", None),
    ],
)
def test_whose_language_is_spoken_where(path: str, protocol: str | None) -> None:
    assert protocol_of(path) == protocol


def test_natively_the_body_is_the_document_and_a_line_end() -> None:
    reply = refused(errors.InvalidParameterError("no", field="top_k"), "/predict", "id-1")
    assert (reply.status, reply.content_type) == (400, "application/json")
    assert orjson.loads(reply.body) == {
        "error": {"type": "invalid_parameter", "message": "no", "field": "top_k", "request_id": "id-1"}
    }
    assert reply.body.endswith(b"}\n")


@pytest.mark.parametrize("path", ["/v1/models/cnn:predict", "/v2/models/cnn/infer"])
def test_elsewhere_it_is_a_message_that_names_the_part_at_fault(path: str) -> None:
    assert orjson.loads(refused(errors.WrongShapeError("round"), path, "id-1").body) == {"error": "round"}
    named = refused(errors.WrongShapeError("round", field="inputs[0]"), path, "id-1")
    assert orjson.loads(named.body) == {"error": "inputs[0]: round"}


@pytest.mark.parametrize(
    ("error", "native", "serving", "inference"),
    [
        (errors.MalformedRequestError, 400, 400, 400),
        (errors.WrongShapeError, 422, 400, 400),
        (errors.BlankPictureError, 422, 400, 400),
        (errors.UnsupportedMediaTypeError, 415, 400, 400),
        (errors.PayloadTooLargeError, 413, 413, 413),
        (errors.UnknownModelError, 404, 404, 404),
        (errors.UnknownLabelError, 404, 404, 404),
        (errors.QueueFullError, 429, 503, 429),
        (errors.LoadFailedError, 409, 409, 400),
        (errors.NotReadyError, 503, 503, 503),
        (errors.DeadlineExceededError, 504, 504, 504),
    ],
)
def test_each_protocol_has_its_own_statuses(
    error: type[ServiceError], native: int, serving: int, inference: int
) -> None:
    paths = ("/predict", "/v1/models/cnn:predict", "/v2/models/cnn/infer")
    assert [refused(error("no"), path, "id-1").status for path in paths] == [native, serving, inference]


@pytest.mark.parametrize("path", ["/predict", "/v1/models/cnn:predict", "/v2/models/cnn/infer"])
def test_every_refusal_is_counted(path: str) -> None:
    before = rejections("queue_full")
    refused(errors.QueueFullError("no"), path, "id-1")
    assert rejections("queue_full") == before + 1


@pytest.mark.parametrize(("seconds", "headers"), [(None, {}), (2, {"Retry-After": "2"})])
def test_when_to_come_again(seconds: int | None, headers: dict[str, str]) -> None:
    assert refused(errors.NotReadyError("no", retry_after_seconds=seconds), "/predict", "i").headers == headers


def test_how_to_show_a_key() -> None:
    assert refused(errors.UnauthorizedError("no"), "/predict", "i").headers == {"WWW-Authenticate": "Bearer"}
