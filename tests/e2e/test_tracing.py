"""Traces of the real service, as a real collector gets them."""

from __future__ import annotations

import json
import secrets
import socket
from collections.abc import Iterator
from itertools import pairwise

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.e2e.collector import Collector, Span, collecting
from tests.e2e.requests import RAW, as_base64, encoded
from tests.e2e.service_process import MODEL, VERSION, Service, started
from tests.processes import eventually
from tests.reference import Reference

pytestmark = pytest.mark.slow
STAGES = ["read", "decode", "queue", "inference", "write"]
SERVER, INTERNAL = 2, 1


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as made:
        yield made


@pytest.fixture(scope="module")
def traced(reference: Reference, collector: Collector) -> Iterator[Service]:
    """A service with two workers, that says who it is and carries a password."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        environment.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=secret")
        environment.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
        environment.setenv("OTEL_SERVICE_NAME", "reader-of-forms")
        environment.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
        environment.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
        with started(reference.models_dir, workers="2", access_log_per_second="1000") as service:
            service.wait_until_ready()
            yield service


def caller(*, sampled: bool = True) -> tuple[str, str, dict[str, str]]:
    """A trace id, the caller's span id, and the header that says so."""
    trace_id, span_id = secrets.token_hex(16), secrets.token_hex(8)
    return trace_id, span_id, {"traceparent": f"00-{trace_id}-{span_id}-{int(sampled):02d}"}


def root_and_stages(spans: list[Span]) -> tuple[Span, list[Span]]:
    (root,) = [span for span in spans if span.kind == SERVER]
    stages = sorted((span for span in spans if span is not root), key=lambda span: span.started)
    assert all(stage.parent_id == root.span_id and stage.kind == INTERNAL for stage in stages)
    return root, stages


def assert_stages_lie_within(root: Span, stages: list[Span]) -> None:
    assert all(root.started <= stage.started <= stage.ended <= root.ended for stage in stages)
    assert all(before.ended <= after.started for before, after in pairwise(stages))
    assert sum(stage.ended - stage.started for stage in stages) <= root.ended - root.started


def test_a_prediction_is_a_span_with_one_for_each_stage(
    traced: Service, collector: Collector, reference: Reference
) -> None:
    response = traced.client.post("/predict", json=as_base64(reference.images[:3]), headers={"X-Request-ID": "id-3"})
    assert response.status_code == 200
    version, trace_id, span_id, flags = response.headers["traceresponse"].split("-")
    assert (version, flags) == ("00", "01")
    root, stages = root_and_stages(collector.trace(trace_id, 6))
    assert (root.span_id, root.parent_id, root.name, root.is_error) == (span_id, "", "POST /predict", False)
    assert [stage.name for stage in stages] == STAGES
    assert_stages_lie_within(root, stages)
    about_model = {
        "digits.model.name": MODEL,
        "digits.model.version": VERSION,
        "digits.pictures": 3,
        "digits.batch.pictures": 3,
    }
    assert root.attributes == {
        "http.request.method": "POST",
        "http.route": "/predict",
        "http.response.status_code": 200,
        "url.path": "/predict",
        "url.scheme": "http",
        "digits.request.id": "id-3",
        **about_model,
    }
    assert all(stage.attributes == about_model for stage in stages)
    told = response.json()["timings_ms"]
    spent = {stage.name: (stage.ended - stage.started) / 1e6 for stage in stages}
    assert {name: spent[name] for name in told} == pytest.approx(told, abs=0.002)


def test_the_collector_is_told_who_speaks(traced: Service, collector: Collector, reference: Reference) -> None:
    response = traced.client.post("/predict", content=encoded(reference.images[0]))
    span, *_ = collector.trace(response.headers["traceresponse"].split("-")[1])
    assert span.resource["service.name"] == "reader-of-forms"
    assert span.resource["deployment.environment.name"] == "test"
    assert span.resource["process.pid"] in traced.worker_pids
    assert collector.paths == {"/v1/traces"}
    assert all(headers["x-key"] == "secret" for headers in collector.headers)
    assert all(headers["content-type"] == "application/x-protobuf" for headers in collector.headers)


def test_each_worker_sends_its_own(traced: Service, collector: Collector, reference: Reference) -> None:
    def both() -> bool:
        with traced.fresh() as http:
            http.post("/predict", content=encoded(reference.images[0]))
        return {span.resource["process.pid"] for span in collector.spans} == set(traced.worker_pids)

    eventually(both)


def test_the_caller_s_trace_goes_on(traced: Service, collector: Collector, reference: Reference) -> None:
    trace_id, span_id, headers = caller()
    response = traced.client.post(
        "/predict", content=encoded(reference.images[0]), headers={**headers, "tracestate": "shop=basket-7"}
    )
    assert response.headers["traceresponse"].startswith(f"00-{trace_id}-")
    root, stages = root_and_stages(collector.trace(trace_id, 6))
    assert root.parent_id == span_id
    assert {span.trace_state for span in (root, *stages)} == {"shop=basket-7"}


def test_what_the_caller_does_not_sample_is_not_sent(
    traced: Service, collector: Collector, reference: Reference
) -> None:
    picture = encoded(reference.images[0])
    with traced.fresh() as http:  # one connection is one worker, whose spans come in order
        unsampled, _, headers = caller(sampled=False)
        response = http.post("/predict", content=picture, headers=headers)
        assert response.headers["traceresponse"].endswith("-00")
        sampled, _, headers = caller()
        http.post("/predict", content=picture, headers=headers)
    collector.trace(sampled, 6)
    assert unsampled not in {span.trace_id for span in collector.spans}


def test_the_line_of_the_log_names_the_trace_the_model_and_the_pictures(traced: Service, reference: Reference) -> None:
    trace_id, _, headers = caller()
    body = reference.images[:5].tobytes()
    assert traced.client.post("/predict", content=body, headers={**headers, **RAW}).status_code == 200
    ((line),) = eventually(lambda: [line for line in traced.events("request") if line.get("trace_id") == trace_id])
    assert (line["model"], line["version"], line["pictures"], line["status"]) == (MODEL, VERSION, 5, 200)


def test_a_refusal_says_why(traced: Service, collector: Collector) -> None:
    trace_id, _, headers = caller()
    assert traced.client.post("/predict?top_k=many", content=b"x", headers=headers).status_code == 400
    root, stages = root_and_stages(collector.trace(trace_id))
    assert (root.attributes["error.type"], root.attributes["http.response.status_code"]) == ("invalid_parameter", 400)
    assert not root.is_error  # by convention: it is the caller's
    assert not stages


def test_a_failure_is_marked_and_shows_how_far_it_came(
    traced: Service, collector: Collector, reference: Reference
) -> None:
    trace_id, _, headers = caller()
    with traced.engine_held():
        response = traced.client.post(
            "/predict", content=encoded(reference.images[0]), headers={**headers, "X-Request-Timeout-Ms": "100"}
        )
        assert response.status_code == 504
    root, stages = root_and_stages(collector.trace(trace_id, 3))
    assert root.is_error
    assert root.attributes["error.type"] == "deadline_exceeded"
    assert [stage.name for stage in stages] == ["read", "decode"]
    assert_stages_lie_within(root, stages)


@pytest.mark.parametrize(
    ("path", "route"),
    [
        (f"/v1/models/{MODEL}:predict", "/v1/models/<model>:predict"),
        (f"/v2/models/{MODEL}/infer", "/v2/models/<name>/infer"),
    ],
)
def test_the_other_protocols_are_traced_too(
    traced: Service, collector: Collector, reference: Reference, path: str, route: str
) -> None:
    trace_id, _, headers = caller()
    image = reference.images[0]
    document = (
        {"instances": [image.tolist()]}
        if path.startswith("/v1")
        else {
            "inputs": [
                {"name": "images", "datatype": "UINT8", "shape": [1, *image.shape], "data": image.ravel().tolist()}
            ]
        }
    )
    response = traced.client.post(path, content=json.dumps(document), headers=headers)
    assert response.status_code == 200, response.text
    root, stages = root_and_stages(collector.trace(trace_id, 6))
    assert (root.name, root.attributes["url.path"]) == (f"POST {route}", path)
    assert [stage.name for stage in stages] == STAGES
    assert_stages_lie_within(root, stages)


def test_flask_s_routes_are_traced_and_probes_are_not(traced: Service, collector: Collector) -> None:
    trace_id, span_id, headers = caller()
    probed, _, probe_headers = caller()
    with traced.fresh() as http:
        for path in ("/healthz", "/readyz", "/metrics"):
            assert "traceresponse" not in http.get(path, headers=probe_headers).headers
        assert http.get(f"/models/{MODEL}", headers=headers).status_code == 200
    (root,) = collector.trace(trace_id)
    assert (root.name, root.parent_id) == ("GET /models/<name>", span_id)
    assert probed not in {span.trace_id for span in collector.spans}


def test_a_bucket_of_the_latency_shows_a_trace_that_fell_into_it(traced: Service, reference: Reference) -> None:
    with traced.fresh() as http:  # an exemplar is known to the worker that answered
        response = http.post("/predict", content=encoded(reference.images[0]))
        trace_id = response.headers["traceresponse"].split("-")[1]
        answer = http.get("/metrics", headers={"Accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"})
        assert answer.headers["content-type"].startswith("application/openmetrics-text")
        plain = http.get("/metrics")
    assert plain.headers["content-type"].startswith("text/plain")
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}  # type: ignore[no-untyped-call]
    buckets = [
        sample
        for sample in families["digits_request_seconds"].samples
        if sample.name.endswith("_bucket") and sample.labels["route"] == "/predict"
    ]
    below = 0.0
    shown = []
    for bucket in buckets:
        bound = float(bucket.labels["le"])
        if bucket.exemplar is not None:
            assert below < bucket.exemplar.value <= bound
            assert bucket.value > 0
            shown.append(bucket.exemplar.labels["trace_id"])
        below = bound
    assert trace_id in shown
    assert families["digits_requests"].samples


def test_what_has_not_been_sent_is_sent_at_the_end(
    reference: Reference, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"{collector.url}/v1/traces")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "3600000")
    trace_id, _, headers = caller()
    with started(reference.models_dir) as service:
        service.wait_until_ready()
        assert service.client.post("/predict", content=encoded(reference.images[0]), headers=headers).status_code == 200
        assert trace_id not in {span.trace_id for span in collector.spans}
        assert service.stop() == 0
    assert len(collector.trace(trace_id, 6)) == 6


@pytest.mark.parametrize("trouble", ["away", "silent", "refusing"])
def test_a_collector_in_trouble_is_nobody_else_s(
    reference: Reference, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    with collecting() as broken, socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))  # bound and not listening: refused
        url = f"http://127.0.0.1:{unheard.getsockname()[1]}" if trouble == "away" else broken.url
        broken.status = 400 if trouble == "refusing" else 200
        if trouble == "silent":
            broken.answering.clear()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
        monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "60")
        monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "60")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "2")
        outcome = "failed" if trouble == "refusing" else "dropped"
        with started(reference.models_dir) as service:
            service.wait_until_ready()
            picture = encoded(reference.images[0])

            def counted() -> bool:
                assert service.client.post("/predict", content=picture).status_code == 200
                return service.metric("digits_spans_total", outcome=outcome) > 0

            eventually(counted)
            assert service.metric("digits_spans_total", outcome="exported") == 0
            assert service.stop() == 0
