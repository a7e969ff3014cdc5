from __future__ import annotations

import threading
from collections.abc import Sequence
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram
from structlog.testing import capture_logs
from structlog.typing import EventDict

from service import metrics, observation
from service.buffers import FULL, BufferedCounts, BufferedHistogram, BufferedLatest, flush_all, observe_many
from service.observation import Observer, Recorder
from tests.unit.service.tiny_engine import CNN

BOUNDS = (0.0, 0.1, 0.5, 1.0, 2.0)
near_bounds = st.sampled_from([float(f(b)) for b in BOUNDS for f in (float, np.float32, lambda b: np.nextafter(b, 9))])
observed = st.lists(st.one_of(st.floats(-1, 3), near_bounds, st.just(float("inf"))), max_size=40)


def histogram() -> tuple[Histogram, CollectorRegistry]:
    registry = CollectorRegistry()
    return Histogram("h", "help", buckets=BOUNDS, registry=registry), registry


def samples(registry: CollectorRegistry) -> dict[str, float]:
    """Every sample but the time of creation."""
    found = [sample for metric in registry.collect() for sample in metric.samples]
    return {f"{s.name}{s.labels}": s.value for s in found if not s.name.endswith("_created")}


@given(observed)
def test_observing_many_is_observing_each(values: list[float]) -> None:
    many, one_by_one = histogram(), histogram()
    observe_many(many[0], values)
    for value in values:
        one_by_one[0].observe(value)
    assert samples(many[1]) == pytest.approx(samples(one_by_one[1]), nan_ok=True)


def test_what_is_no_number_falls_into_no_bucket_either() -> None:
    many, one_by_one = histogram(), histogram()
    observe_many(many[0], [0.05, float("nan")])
    for value in (0.05, float("nan")):
        one_by_one[0].observe(value)
    assert samples(many[1]) == pytest.approx(samples(one_by_one[1]), nan_ok=True)


def test_noted_values_are_moved_by_a_flush_and_once() -> None:
    made, registry = histogram()
    buffered = BufferedHistogram(made)
    buffered.note(0.3)
    buffered.note(0.7)
    assert samples(registry)["h_count{}"] == 0
    flush_all()
    flush_all()
    assert (samples(registry)["h_count{}"], samples(registry)["h_sum{}"]) == (2, 1.0)


def test_counts_go_to_their_counters() -> None:
    registry = CollectorRegistry()
    counter = Counter("c", "help", ["digit"], registry=registry)
    buffered = BufferedCounts([counter.labels(str(digit)) for digit in range(3)])
    for digit in (2, 0, 2, 2):
        buffered.note(digit)
    flush_all()
    assert [samples(registry)[f"c_total{{'digit': '{digit}'}}"] for digit in range(3)] == [1, 0, 3]


def test_of_many_values_the_latest_counts() -> None:
    registry = CollectorRegistry()
    buffered = BufferedLatest(Gauge("g", ".", registry=registry))
    for value in (5.0, 7.0, 6.0):
        buffered.note(value)
    assert samples(registry) == {"g{}": 0}
    flush_all()
    assert samples(registry) == {"g{}": 7}


def test_a_full_buffer_does_not_wait_for_a_flush() -> None:
    made, registry = histogram()
    buffered = BufferedHistogram(made)
    for _ in range(FULL - 1):
        buffered.note(1.0)
    assert samples(registry)["h_count{}"] == 0
    buffered.note(1.0)
    assert samples(registry)["h_count{}"] == FULL


def test_no_value_is_lost_between_threads() -> None:
    made, registry = histogram()
    buffered = BufferedHistogram(made)
    each, threads = 5000, 4

    def note() -> None:
        for number in range(each):
            buffered.note(1.0)
            if number % 100 == 0:
                flush_all()

    running = [threading.Thread(target=note) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    flush_all()
    assert samples(registry)["h_count{}"] == each * threads


def total(name: str, **labels: str) -> float:
    flush_all()
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_an_observer_counts_digits_confidences_and_stages() -> None:
    labels = {"model": CNN.name, "version": str(CNN.version)}

    def now() -> list[float]:
        return [
            total("digits_predictions_total", **labels, digit="7"),
            total("digits_predictions_total", **labels, digit="1"),
            total("digits_confidence_count", **labels),
            total("digits_confidence_bucket", **labels, le="0.9"),
            *(
                total("digits_stage_seconds_sum", **labels, stage=stage)
                for stage in ("read", "decode", "queue", "inference", "write")
            ),
        ]

    before = now()
    observer = Observer(CNN)
    observer.predicted([7], [0.95])
    observer.predicted([7, 1], [0.85, 1.0])
    observer.passed({"read": 1.0, "decode": 2.0, "queue": 4.0, "inference": 8.0, "write": 16.0})
    after = now()
    assert [round(b - a, 6) for a, b in zip(before, after, strict=True)] == [2, 1, 3, 1, 1, 2, 4, 8, 16]


def test_an_observer_counts_what_is_taken_for_a_digit_and_what_is_not() -> None:
    def now() -> list[float]:
        flush_all()
        labels = {"model": CNN.name, "version": str(CNN.version)}
        return [total("digits_judged_pictures_total", **labels, is_digit=verdict) for verdict in ("true", "false")]

    before = now()
    Observer(CNN).judged([True, False, True])
    assert [b - a for a, b in zip(before, now(), strict=True)] == [2, 1]


def test_an_observer_knows_when_it_last_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = {"model": CNN.name, "version": str(CNN.version)}
    now = [2e9]
    monkeypatch.setattr(observation, "time", SimpleNamespace(time=lambda: now[0]))
    observer = Observer(CNN)
    observer.passed({})
    assert total("digits_last_inference_timestamp_seconds", **labels) == 2e9
    now[0] += 5
    observer.answered()
    assert total("digits_last_inference_timestamp_seconds", **labels) == 2e9 + 5


# --- requests


def lines(recorder: Recorder, statuses: Sequence[int]) -> list[EventDict]:
    with capture_logs() as logged:
        for status in statuses:
            recorder.request("/predict", "POST", status, 0.0015, "id-1", "why" if status >= 400 else None)
    return list(logged)


@pytest.fixture
def second(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The hand-driven clock of `Recorder`: its only element, in seconds."""
    now = [100.0]
    monkeypatch.setattr(observation, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def test_a_line_says_what_was_asked_and_how_it_went(second: list[float]) -> None:
    assert lines(Recorder(20), [200]) == [
        {
            "event": "request",
            "log_level": "info",
            "route": "/predict",
            "method": "POST",
            "status": 200,
            "ms": 1.5,
            "id": "id-1",
        }
    ]


@pytest.mark.parametrize(
    ("status", "level"),
    [(302, "info"), (400, "warning"), (429, "warning"), (503, "warning"), (500, "error"), (504, "error")],
)
def test_how_loud_a_line_is(second: list[float], status: int, level: str) -> None:
    [line] = lines(Recorder(20), [status])
    assert line["log_level"] == level
    assert line.get("error") == ("why" if status >= 400 else None)


def test_successes_are_logged_up_to_a_limit_and_failures_always(second: list[float]) -> None:
    recorder = Recorder(3)
    logged = lines(recorder, [200] * 10 + [404] * 5 + [200])
    assert [line["status"] for line in logged] == [200] * 3 + [404] * 5
    second[0] += 0.9
    assert lines(recorder, [200]) == []
    second[0] += 0.1
    [first, *others] = lines(recorder, [200] * 5)
    assert first["lines_left_out"] == 9
    assert len(others) == 2
    assert not [line for line in others if "lines_left_out" in line]


@pytest.mark.parametrize("why", ["queue_full", "rate_limited"])
def test_refusals_for_too_much_are_logged_up_to_the_limit_too(second: list[float], why: str) -> None:
    recorder = Recorder(3)
    with capture_logs() as logged:
        for _ in range(10):
            recorder.request("/predict", "POST", 429, 0.001, "id-1", why)
        second[0] += 1
        recorder.request("/predict", "POST", 429, 0.001, "id-1", why)
    assert [line["error"] for line in logged] == [why] * 4
    assert {line["log_level"] for line in logged} == {"warning"}
    assert [line.get("lines_left_out") for line in logged] == [None, None, None, 7]


def test_a_limit_of_none(second: list[float]) -> None:
    assert lines(Recorder(0), [200, 200, 500]) == lines(Recorder(0), [500])


@pytest.mark.parametrize("route", ["/healthz", "/readyz", "/metrics"])
def test_what_machines_ask_every_few_seconds_is_logged_when_it_fails(route: str) -> None:
    recorder = Recorder(20)
    with capture_logs() as logged:
        for status in (200, 503):
            recorder.request(route, "GET", status, 0.001, "id-1")
    assert [line["status"] for line in logged] == [503]


def test_every_request_is_counted_whether_logged_or_not(second: list[float]) -> None:
    def counted(status: str) -> float:
        return total("digits_requests_total", route="/x", method="GET", status=status)

    def timed() -> float:
        return total("digits_request_seconds_count", route="/x")

    before = counted("200"), counted("404"), timed()
    recorder = Recorder(0)
    for status in (200, 404, 200):
        recorder.request("/x", "GET", status, 0.25, "id-1")
    assert (counted("200"), counted("404"), timed()) == (before[0] + 2, before[1] + 1, before[2] + 3)


@pytest.mark.parametrize("bounds", [metrics.LATENCY_BUCKETS_SECONDS, metrics.STAGE_BUCKETS_SECONDS])
def test_buckets_reach_from_half_a_millisecond_to_ten_seconds(bounds: tuple[float, ...]) -> None:
    assert list(bounds) == sorted(set(bounds))
    assert bounds[0] <= 0.0005
    assert bounds[-1] == 10.0
    between = [bound for bound in bounds if bound >= 0.0005]
    assert max(upper / lower for lower, upper in pairwise(between)) <= 2.5
