"""What the service tells of itself agrees with what was asked of it."""

from __future__ import annotations

import itertools
import json
import secrets
from collections import Counter

import numpy as np
import pytest

from tests.e2e.requests import RAW, as_base64, encoded, rows
from tests.e2e.service_process import MODEL, VERSION, Samples, Service, total
from tests.processes import eventually, eventually_equal
from tests.reference import Reference

pytestmark = pytest.mark.slow

LABELS = {"model": MODEL, "version": str(VERSION)}


class Delta:
    """How far the metrics have moved since this was made."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._before: Samples = service.metrics()

    def of(self, name: str, **labels: str) -> float:
        return total(self._service.metrics(), name, **labels) - total(self._before, name, **labels)

    def by(self, label: str, name: str, **labels: str) -> dict[str, float]:
        """By the values of `label`, those that have moved."""
        now = self._service.metrics()
        values = {dict(its).get(label, "") for sample, its in now if sample == name}
        moved = {
            v: total(now, name, **labels, **{label: v}) - total(self._before, name, **labels, **{label: v})
            for v in values
        }
        return {value: by for value, by in moved.items() if by}


def test_requests_are_counted_by_route_method_and_status(service: Service, reference: Reference) -> None:
    delta = Delta(service)
    picture = encoded(reference.images[0])
    for _ in range(7):
        service.client.post("/predict", content=picture)
    for _ in range(3):
        service.client.post("/predict", json=as_base64(reference.images[:2]))
    for _ in range(2):
        service.client.post("/predict", content=b"")
    service.client.post("/predict?model=nobody", content=picture)
    service.client.get("/predict")
    service.client.get("/models/nobody")
    service.client.get(f"/{secrets.token_hex(8)}")
    service.client.request("PROPFIND", "/pot")
    expected = {
        ("/predict", "POST", "200"): 10,
        ("/predict", "POST", "400"): 2,
        ("/predict", "POST", "404"): 1,
        ("unknown", "GET", "405"): 1,
        ("/models/<name>", "GET", "404"): 1,
        ("unknown", "GET", "404"): 1,
        ("unknown", "other", "404"): 1,
    }

    def found() -> dict[tuple[str, str, str], float]:
        return {key: delta.of("digits_requests_total", route=key[0], method=key[1], status=key[2]) for key in expected}

    eventually_equal(found, expected)
    assert delta.by("status", "digits_requests_total", route="/predict") == {"200": 10, "400": 2, "404": 1}
    assert delta.of("digits_request_seconds_count", route="/predict") == 13
    assert delta.by("reason", "digits_rejections_total") == {
        "malformed_request": 2, "unknown_model": 2, "method_not_allowed": 1, "not_found": 2,
    }  # fmt: skip
    # An engine tells of its batches once a second: the next test shall not take these for its own.
    eventually_equal(lambda: delta.of("digits_batch_pictures_sum", **LABELS), 13)


def test_predictions_are_counted_by_digit_and_every_stage_is_timed(service: Service, reference: Reference) -> None:
    delta = Delta(service)
    client, digits = service.client, Counter[str]()
    responses = [client.post("/predict", content=encoded(image)) for image in reference.images[:25]]
    responses.append(client.post("/predict", json=as_base64(reference.images[25:60])))
    responses.append(client.post("/predict", content=reference.images.tobytes(), headers=RAW))
    confidences = np.concatenate([rows(response).max(axis=1) for response in responses])
    for response in responses:
        digits.update(str(prediction["digit"]) for prediction in response.json()["predictions"])

    eventually_equal(lambda: delta.of("digits_predictions_total", **LABELS), 360)
    assert delta.by("digit", "digits_predictions_total", **LABELS) == digits
    eventually_equal(lambda: delta.of("digits_batch_pictures_sum", **LABELS), 360)
    assert delta.of("digits_confidence_count", **LABELS) == 360
    np.testing.assert_allclose(delta.of("digits_confidence_sum", **LABELS), confidences.sum(), rtol=1e-4)
    for bound in (0.5, 0.9, 0.99):
        below = delta.of("digits_confidence_bucket", le=str(bound), **LABELS)
        assert below == (confidences <= bound).sum()
    stages = ("read", "decode", "queue", "inference", "write")
    eventually_equal(lambda: delta.of("digits_stage_seconds_count", stage="write", **LABELS), 27)
    assert {stage: delta.of("digits_stage_seconds_count", stage=stage, **LABELS) for stage in stages} == dict.fromkeys(
        stages, 27
    )


def test_one_bad_picture_among_good_ones_is_counted_as_a_rejection_but_not_as_a_failed_request(
    service: Service, reference: Reference
) -> None:
    delta = Delta(service)
    document = as_base64(reference.images[:3])
    document["images"].append("AAAA")
    assert service.client.post("/predict", json=document).status_code == 200
    eventually_equal(lambda: delta.of("digits_requests_total", route="/predict", status="200"), 1)
    assert delta.by("reason", "digits_rejections_total") == {"undecodable_picture": 1}
    assert delta.of("digits_predictions_total", **LABELS) == 3


def test_facts_about_models_and_processes_are_there(service: Service) -> None:
    metrics = service.metrics()
    assert total(metrics, "digits_engine_up") == 1
    assert total(metrics, "digits_build_info") == 1
    assert total(metrics, "digits_model_state", state="available") == 3
    assert total(metrics, "digits_model_state", state="loading") == 0
    assert total(metrics, "digits_model_info", model="toy", version="1", dataset="toy", device="CPU") == 1
    assert total(metrics, "digits_queue_pictures") == 0
    names = {name for name, _ in metrics}
    assert "digits_engine_restarts_total" in names


def test_every_line_of_the_log_is_json_and_says_when_what_and_by_whom(service: Service) -> None:
    lines = [json.loads(line) for line in service.log_lines()]
    assert {line["process"] for line in lines} == {"supervisor", "http", "engine"}
    for line in lines:
        assert {"timestamp", "level", "event"} <= set(line)


def test_a_failed_request_is_logged_with_its_id(service: Service) -> None:
    ident = secrets.token_hex(8)
    service.client.post("/predict?top_k=many", headers={"X-Request-ID": ident})
    found = eventually(lambda: [line for line in service.events("request") if line["id"] == ident])
    (line,) = found
    assert (line["route"], line["method"], line["status"]) == ("/predict", "POST", 400)
    assert line["error"] == "invalid_parameter"
    assert line["level"] == "warning"
    assert line["ms"] > 0


def test_a_successful_request_is_logged_with_its_id_unless_there_are_too_many(
    service: Service, reference: Reference
) -> None:
    """Others in the same second may have used up what is logged of successes; a later one is logged."""
    count = itertools.count()
    token = secrets.token_hex(8)

    def logged() -> bool:
        ident = f"{token}-{next(count)}"
        assert (
            service.client.post(
                "/predict", content=encoded(reference.images[0]), headers={"X-Request-ID": ident}
            ).status_code
            == 200
        )
        return any(line["id"].startswith(token) and line["status"] == 200 for line in service.events("request"))

    eventually(logged)


def test_no_picture_and_no_query_is_in_the_log(service: Service, reference: Reference) -> None:
    secret = secrets.token_hex(16)
    service.client.post(f"/predict?model=toy&note={secret}", content=b"")
    service.client.get(f"/{secret}")
    delta = Delta(service)
    service.client.post("/predict", content=encoded(reference.images[0]))
    eventually_equal(lambda: delta.of("digits_requests_total", route="/predict"), 1)
    assert secret not in "".join(service.log_lines())
