"""Tracing in one process: who called, what is sampled, what spans are made of a request, and what is dropped."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from prometheus_client import REGISTRY, CollectorRegistry, Histogram
from prometheus_client.openmetrics.exposition import generate_latest
from structlog.testing import capture_logs

from service import tracing
from service.endpoint import Facts
from service.observation import Recorder
from service.settings import SettingsError, load
from service.tracing import traceparent
from service.tracing.exemplars import Exemplars
from service.tracing.trace import Finished, Trace
from service.tracing.tracer import Tracer
from tests.processes import run_python

TRACE_ID, SPAN_ID = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED = {b"traceparent": f"00-{TRACE_ID}-{SPAN_ID}-01".encode()}
UNSAMPLED = {b"traceparent": f"00-{TRACE_ID}-{SPAN_ID}-00".encode()}
FACTS = Facts("cnn", 2, 3, {"read": 0.001, "decode": 0.002, "queue": 0.003, "inference": 0.004, "write": 0.0005}, 8)
WAIT_SECONDS = 30.0


class Kept(SpanExporter):
    """An exporter that keeps what it is given, once `gate` is open."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []
        self.outcome = SpanExportResult.SUCCESS
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.entered.set()
        assert self.gate.wait(WAIT_SECONDS)
        self.spans += spans
        return self.outcome


class Job:
    def facts(self) -> Facts:
        return FACTS


@pytest.fixture(autouse=True)
def no_variables_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ENDPOINT", "TRACES_ENDPOINT", "PROTOCOL", "TRACES_PROTOCOL"):
        monkeypatch.delenv(f"OTEL_EXPORTER_OTLP_{name}", raising=False)
    for name in ("OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER", "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG"):
        monkeypatch.delenv(name, raising=False)


def spans_of(*finished: Finished, headers: dict[bytes, bytes] | None = None) -> list[ReadableSpan]:
    """What is exported of requests that end so."""
    kept = Kept()
    tracer = Tracer(kept)
    for one in finished:
        trace = tracer.begin("POST", "/predict", "/predict", headers or {})
        trace.keep(trace, one)
    tracer.close(WAIT_SECONDS)
    return kept.spans


# --- who called


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (f"00-{TRACE_ID}-{SPAN_ID}-01", 1),
        (f"00-{TRACE_ID}-{SPAN_ID}-00", 0),
        (f" 00-{TRACE_ID}-{SPAN_ID}-03 ", 3),
        (f"cc-{TRACE_ID}-{SPAN_ID}-01-what-will-come", 1),
        (f"00-{TRACE_ID}-{SPAN_ID}-01-what-will-come", None),
        (f"ff-{TRACE_ID}-{SPAN_ID}-01", None),
        (f"00-{TRACE_ID.upper()}-{SPAN_ID}-01", None),
        (f"00-{'0' * 32}-{SPAN_ID}-01", None),
        (f"00-{TRACE_ID}-{'0' * 16}-01", None),
        (f"00-{TRACE_ID[1:]}-{SPAN_ID}-01", None),
        ("nonsense", None),
        ("", None),
    ],
)
def test_a_caller_is_known_by_a_header_of_the_standard_s_form(header: str, expected: int | None) -> None:
    found = traceparent.read(header)
    assert (None if found is None else found.flags) == expected
    if found is not None:
        assert (f"{found.trace_id:032x}", f"{found.span_id:016x}") == (TRACE_ID, SPAN_ID)


def test_what_is_written_can_be_read() -> None:
    assert traceparent.read(traceparent.write(5, 7, is_sampled=True)) == (5, 7, 1)
    assert traceparent.read(traceparent.write(5, 7, is_sampled=False)) == (5, 7, 0)


# --- whether at all


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://x:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x:4318", "OTEL_SDK_DISABLED": "True"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x:4318", "OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x:4318", "OTEL_TRACES_EXPORTER": "otlp"}, True),
    ],
)
def test_traces_are_made_when_a_collector_is_named(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], wanted: bool
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    tracer = tracing.start()
    assert (tracer is not None) == wanted
    if tracer is not None:
        tracer.close(WAIT_SECONDS)


def test_a_protocol_that_is_not_spoken_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    load()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://x:4317")
    with pytest.raises(SettingsError, match="OTEL_EXPORTER_OTLP_PROTOCOL=grpc: traces can be sent by http/protobuf"):
        load()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf")
    load()


@pytest.mark.slow
@pytest.mark.parametrize(("endpoint", "imported"), [("", False), ("http://127.0.0.1:9", True)])
def test_without_a_collector_nothing_of_opentelemetry_is_imported(
    tmp_path: Path, endpoint: str, imported: bool
) -> None:
    code = (
        "import sys\nfrom service import asgi\nasgi.create()\nimport service.engine.server\n"
        "print(any(name.split('.')[0] == 'opentelemetry' for name in sys.modules))"
    )
    ran = run_python(["-c", code], {"DIGITS_RUN_DIR": str(tmp_path), "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint})
    assert ran.stdout == f"{imported}\n", ran.stderr


# --- sampling


@pytest.mark.parametrize(
    ("sampler", "argument", "headers", "sampled"),
    [
        (None, None, {}, True),
        (None, None, SAMPLED, True),
        (None, None, UNSAMPLED, False),
        ("always_off", None, SAMPLED, False),
        ("always_on", None, UNSAMPLED, True),
        ("parentbased_always_off", None, {}, False),
        ("parentbased_always_off", None, SAMPLED, True),
        ("traceidratio", "0", {}, False),
        ("traceidratio", "1", UNSAMPLED, True),
        ("parentbased_traceidratio", "0", {}, False),
        ("parentbased_traceidratio", "0", SAMPLED, True),
    ],
)
def test_the_sampler_of_the_environment_decides(
    monkeypatch: pytest.MonkeyPatch,
    sampler: str | None,
    argument: str | None,
    headers: dict[bytes, bytes],
    sampled: bool,
) -> None:
    for name, value in (("OTEL_TRACES_SAMPLER", sampler), ("OTEL_TRACES_SAMPLER_ARG", argument)):
        if value is not None:
            monkeypatch.setenv(name, value)
    kept = Kept()
    tracer = Tracer(kept)
    trace = tracer.begin("POST", "/predict", "/predict", headers)
    assert trace.is_sampled == sampled
    assert trace.response() == f"00-{trace.trace_id:032x}-{trace.span_id:016x}-{int(sampled):02d}"
    if headers:
        assert trace.hex == TRACE_ID
    Recorder(0).request("/predict", "POST", 200, 0.01, "id", None, Job(), trace)
    tracer.close(WAIT_SECONDS)
    assert len(kept.spans) == (6 if sampled else 0)


# --- spans


def test_stages_follow_one_another_and_the_last_ends_with_the_request() -> None:
    root, *stages = spans_of(Finished(200, 0.02, "id-1", None, FACTS))
    assert root.start_time is not None
    assert root.end_time is not None
    offsets = [((span.start_time or 0) - root.start_time, (span.end_time or 0) - root.start_time) for span in stages]
    assert [span.name for span in stages] == list(FACTS.stages)
    assert offsets == [
        (0, 1_000_000), (1_000_000, 3_000_000), (3_000_000, 6_000_000), (6_000_000, 10_000_000), (19_500_000, 20_000_000),
    ]  # fmt: skip
    assert root.end_time - root.start_time == 20_000_000


def test_clocks_that_disagree_by_a_little_leave_no_stage_outside_its_request() -> None:
    root, *stages = spans_of(Finished(200, 0.005, "id-1", None, FACTS))
    times = [(span.start_time or 0, span.end_time or 0) for span in stages]
    assert all((root.start_time or 0) <= begin <= end <= (root.end_time or 0) for begin, end in times)


@pytest.mark.parametrize(
    ("status", "error", "is_error"),
    [(200, None, False), (404, "unknown_model", False), (503, "not_ready", True), (500, "internal_error", True)],
)
def test_only_what_is_the_service_s_own_fault_is_an_error(status: int, error: str | None, is_error: bool) -> None:
    (root,) = spans_of(Finished(status, 0.1, "id-1", error, None))
    assert root.status.is_ok is not is_error
    assert root.attributes is not None
    assert (root.attributes.get("error.type"), root.attributes["http.response.status_code"]) == (error, status)


def test_a_caller_who_has_gone_was_told_no_status() -> None:
    (root,) = spans_of(Finished(499, 0.1, "id-1", "client_gone", None))
    assert root.attributes is not None
    assert "http.response.status_code" not in root.attributes
    assert root.attributes["error.type"] == "client_gone"


# --- the queue


def counted(outcome: str) -> float:
    return REGISTRY.get_sample_value("digits_spans_total", {"outcome": outcome}) or 0.0


def test_a_full_queue_drops_whole_requests_and_counts_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "20")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "6")
    dropped, exported = counted("dropped"), counted("exported")
    kept = Kept()
    kept.gate.clear()
    tracer = Tracer(kept)

    def ask(times: int) -> None:
        for _ in range(times):
            trace = tracer.begin("POST", "/predict", "/predict", {})
            trace.finished(200, 0.02, "id", None, Job())

    ask(1)
    assert kept.entered.wait(WAIT_SECONDS)
    ask(9)  # there is room for two more: those that are being exported count, too
    assert counted("dropped") - dropped == 7 * 6
    kept.gate.set()
    tracer.close(WAIT_SECONDS)
    assert len(kept.spans) == 3 * 6
    assert counted("exported") - exported == 3 * 6
    assert len([span for span in kept.spans if span.parent is None]) == 3


def test_what_the_collector_refuses_is_counted_and_makes_room() -> None:
    failed = counted("failed")
    kept = Kept()
    kept.outcome = SpanExportResult.FAILURE
    tracer = Tracer(kept)
    for _ in range(3):
        tracer.begin("POST", "/predict", "/predict", {}).finished(200, 0.02, "id", None, Job())
    tracer.close(WAIT_SECONDS)
    assert counted("failed") - failed == 18


def test_closing_does_not_wait_longer_than_it_is_told() -> None:
    kept = Kept()
    kept.gate.clear()
    tracer = Tracer(kept)
    tracer.begin("POST", "/predict", "/predict", {}).finished(200, 0.02, "id", None, None)
    tracer.close(0.0)
    assert not kept.spans
    kept.gate.set()


# --- exemplars


def test_each_bucket_shows_the_latest_trace_that_fell_into_it() -> None:
    registry = CollectorRegistry()
    histogram = Histogram("h_seconds", "help", ["route"], buckets=(0.1, 0.5, 1.0), registry=registry)
    exemplars = Exemplars("h_seconds", (0.1, 0.5, 1.0), now=lambda: 1700000000.0)
    for seconds, trace_id in ((0.1, 1), (0.3, 2), (0.4, 3), (7.0, 4)):
        histogram.labels("/predict").observe(seconds)
        exemplars.note("/predict", seconds, trace_id, trace_id)
    histogram.labels("/read").observe(0.3)
    families = [exemplars.attach(family) for family in registry.collect()]
    found = {
        (sample.labels["route"], sample.labels["le"]): sample.exemplar and sample.exemplar.labels["trace_id"][-1]
        for family in families
        for sample in family.samples
        if sample.name.endswith("_bucket")
    }
    assert {key: value for key, value in found.items() if key[0] == "/predict"} == {
        ("/predict", "0.1"): "1", ("/predict", "0.5"): "3", ("/predict", "1.0"): None, ("/predict", "+Inf"): "4",
    }  # fmt: skip
    assert not any(value for key, value in found.items() if key[0] == "/read")
    assert generate_latest(registry)  # type: ignore[no-untyped-call]


# --- the log


def test_a_line_names_the_trace_and_what_was_asked() -> None:
    kept = Kept()
    tracer = Tracer(kept)
    trace: Trace = tracer.begin("POST", "/predict", "/predict", SAMPLED)
    recorder = Recorder(1, slow_seconds=0.5)
    with capture_logs() as lines:
        recorder.request("/predict", "POST", 503, 0.01, "id", "not_ready", Job(), trace)
        recorder.request("/predict", "POST", 200, 0.01, "id", None, Job(), trace)
    tracer.close(WAIT_SECONDS)
    for line in lines:
        assert (line["trace_id"], line["model"], line["version"], line["pictures"]) == (TRACE_ID, "cnn", 2, 3)
    assert len(lines) == 2


def test_what_is_slow_is_always_logged() -> None:
    recorder = Recorder(0, slow_seconds=0.5)
    with capture_logs() as lines:
        for seconds in (0.1, 0.5, 0.2, 2.0):
            recorder.request("/predict", "POST", 200, seconds, "id")
    assert [(line["ms"], line["slow"], line["log_level"]) for line in lines] == [
        (500.0, True, "warning"), (2000.0, True, "warning"),
    ]  # fmt: skip


def test_a_process_that_sends_traces_can_be_forked_before() -> None:
    """gunicorn's workers make their tracer after the fork; one made before lives on in the child as well."""
    code = """
import os, sys, warnings
from service.tracing.tracer import Tracer
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
class Kept(SpanExporter):
    spans = 0
    def export(self, spans):
        Kept.spans += len(spans)
        return SpanExportResult.SUCCESS
tracer = Tracer(Kept())
warnings.simplefilter("ignore")
if (child := os.fork()) == 0:
    tracer.begin("GET", "/", "/", {}).finished(200, 0.1, "id", None, None)
    tracer.close(30.0)
    os._exit(Kept.spans)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
tracer.close(30.0)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "1\n", ran.stderr
