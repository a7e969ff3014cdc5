"""Every metric the service exports, and how they are read together from all processes.

Seconds and bytes, as Prometheus wants it; buckets from 0.5 ms to 10 s. With several processes prometheus_client keeps
each one's numbers in a memory-mapped file (`settings.share_metrics` before the first import of this module), so a
scrape of any worker gives the sums over all, and a worker that is restarted takes nothing along.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    Summary,
    generate_latest,
    multiprocess,
)
from prometheus_client.openmetrics import exposition as openmetrics_exposition
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from service.settings import metrics_are_shared

LATENCY_BUCKETS_SECONDS = (
    0.0005, 0.001, 0.0015, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0,
)  # fmt: skip
STAGE_BUCKETS_SECONDS = (0.00005, 0.0001, 0.0002, *LATENCY_BUCKETS_SECONDS)
CONFIDENCE_BUCKETS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999, 1.0)
BATCH_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)

REQUESTS = Counter("digits_requests", "HTTP requests answered.", ["route", "method", "status"])
REQUEST_SECONDS = Histogram(
    "digits_request_seconds",
    "From the first byte of a request to the last of its answer.",
    ["route"],
    buckets=LATENCY_BUCKETS_SECONDS,
)
STAGE_SECONDS = Histogram(
    "digits_stage_seconds",
    "Time a prediction request spends in one stage: read, decode, queue, inference or write.",
    ["model", "version", "stage"],
    buckets=STAGE_BUCKETS_SECONDS,
)
PREDICTIONS = Counter("digits_predictions", "Pictures classified, by the digit found.", ["model", "version", "digit"])
CONFIDENCE = Histogram(
    "digits_confidence",
    "Calibrated probability of the class found.",
    ["model", "version"],
    buckets=CONFIDENCE_BUCKETS,
)
JUDGED_PICTURES = Counter(
    "digits_judged_pictures",
    "Pictures of which it was said whether they show a digit at all.",
    ["model", "version", "is_digit"],
)
REJECTIONS = Counter("digits_rejections", "Requests and single pictures refused, by type of error.", ["reason"])

BATCH_PICTURES = Histogram(
    "digits_batch_pictures", "Pictures in one call of a model.", ["model", "version"], buckets=BATCH_BUCKETS
)
BATCH_SECONDS = Histogram(
    "digits_batch_seconds", "Time of one call of a model.", ["model", "version"], buckets=STAGE_BUCKETS_SECONDS
)
BATCH_ROWS = Counter(
    "digits_batch_rows",
    "Rows that calls of a model computed, those that only pad a batch included.",
    ["model", "version"],
)
QUEUE_PICTURES = Gauge("digits_queue_pictures", "Pictures waiting for the engine.", multiprocess_mode="livesum")
QUEUE_LIMIT_PICTURES = Gauge(
    "digits_queue_limit_pictures", "Most pictures that may wait for the engine.", multiprocess_mode="livesum"
)
DROPPED_PICTURES = Counter(
    "digits_dropped_pictures",
    "Pictures dropped before inference, as nobody waited for them any more: deadline or client_gone.",
    ["reason"],
)
RUNS = Counter("digits_runs", "Calls of other signatures than serving_default.", ["model", "version", "signature"])
RUN_SECONDS = Histogram(
    "digits_run_seconds",
    "Time of one such call.",
    ["model", "version", "signature"],
    buckets=STAGE_BUCKETS_SECONDS,
)
FAILED_SECONDS = Summary(
    "digits_failed_seconds",
    "Time of inference requests that the engine refused or did not answer in time.",
    ["model", "version"],
)
LAST_INFERENCE = Gauge(
    "digits_last_inference_timestamp_seconds",
    "When a model version last answered, in seconds since 1970.",
    ["model", "version"],
    multiprocess_mode="max",
)
LOAD_FAILURES = Counter(
    "digits_model_load_failures", "Model versions refused: broken, altered, unfit.", ["model", "version"]
)
LOAD_SECONDS = Histogram(
    "digits_model_load_seconds",
    "From finding a version to having it in service, warmed.",
    ["model"],
    buckets=(0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0),
)
SHADOWED_PICTURES = Counter(
    "digits_shadow_pictures", "Pictures shown to a shadow version too.", ["model", "version", "shadow"]
)
SHADOW_DISAGREEMENTS = Counter(
    "digits_shadow_disagreements", "Those in which it found another class.", ["model", "version", "shadow"]
)
SHADOW_SKIPPED_PICTURES = Counter(
    "digits_shadow_skipped_pictures", "Pictures not shown to a shadow version: busy or failed.", ["model", "shadow"]
)
MODEL_STATE = Gauge(
    "digits_model_state",
    "1 for the state that a model version is in.",
    ["model", "version", "state"],
    multiprocess_mode="livemax",
)
MODEL_INFO = Gauge(
    "digits_model_info",
    "Facts of a loaded model version; always 1.",
    ["model", "version", "dataset", "parameters", "test_accuracy", "device"],
    multiprocess_mode="livemax",
)
MODEL_LABEL = Gauge(
    "digits_model_label",
    "1 for the version that a label points at.",
    ["model", "version", "label"],
    multiprocess_mode="livemax",
)
MODEL_ACCURACY = Gauge(
    "digits_model_accuracy_ratio",
    "Accuracy that a version's card states, by part of its data set: validation or test.",
    ["model", "version", "part"],
    multiprocess_mode="livemax",
)
MODEL_CALIBRATION_ERROR = Gauge(
    "digits_model_calibration_error_ratio",
    "Expected calibration error that a version's card states, by part of its data set.",
    ["model", "version", "part"],
    multiprocess_mode="livemax",
)
VALIDATION_SHARE = Gauge(
    "digits_model_validation_share_ratio",
    "Part of its validation pictures that a version took for this digit, by its card.",
    ["model", "version", "digit"],
    multiprocess_mode="livemax",
)
ENGINE_RESTARTS = Counter("digits_engine_restarts", "Engine processes that died and were started again.")
ENGINE_UP = Gauge(
    "digits_engine_up",
    "1 while every worker hears from a ready engine at this endpoint.",
    ["endpoint"],
    multiprocess_mode="livemin",
)
RESIDENT_MEMORY_BYTES = Gauge(
    "digits_resident_memory_bytes",
    "Memory that a process holds in RAM: an engine or an HTTP worker.",
    ["role"],
    multiprocess_mode="liveall",
)
GPU_MEMORY_USED_BYTES = Gauge(
    "digits_gpu_memory_used_bytes", "GPU memory in use, by anything.", ["device"], multiprocess_mode="livemax"
)
GPU_MEMORY_TOTAL_BYTES = Gauge(
    "digits_gpu_memory_total_bytes", "GPU memory that there is.", ["device"], multiprocess_mode="livemax"
)
GPU_UTILIZATION = Gauge(
    "digits_gpu_utilization_ratio", "Part of the time in which the GPU ran.", ["device"], multiprocess_mode="livemax"
)
SPANS = Counter(
    "digits_spans",
    "Spans of traces by what became of them: exported, failed at the collector, or dropped as too many waited for it.",
    ["outcome"],
)
BUILD_INFO = Gauge("digits_build_info", "The service's version; always 1.", ["version"], multiprocess_mode="livemax")


def exposition() -> bytes:
    """What `/metrics` answers: text format 0.0.4, over all processes that share a metrics directory."""
    return generate_latest(_all_processes())


def openmetrics(amend: Callable[[Metric], Metric]) -> bytes:
    """The same as OpenMetrics 1.0, in which buckets may have exemplars; each metric is what `amend` makes of it."""
    registry = CollectorRegistry()
    registry.register(_Amended(amend))
    text: bytes = openmetrics_exposition.generate_latest(registry)  # type: ignore[no-untyped-call]
    return text


class _Amended(Collector):
    def __init__(self, amend: Callable[[Metric], Metric]) -> None:
        self._amend = amend

    def collect(self) -> Iterator[Metric]:
        return map(self._amend, _all_processes().collect())


def samples(names: Collection[str]) -> Iterator[Sample]:
    """Every sample of these metrics, by their names in Python without `_total`, over the same processes."""
    for family in _all_processes().collect():
        if family.name in names:
            yield from family.samples


def _all_processes() -> CollectorRegistry:
    if not metrics_are_shared():
        return REGISTRY
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry


def forget_process(pid: int) -> None:
    """Drop the gauges of a process that has ended; its counters stay, as Prometheus wants them to."""
    if metrics_are_shared():
        multiprocess.mark_process_dead(pid)  # type: ignore[no-untyped-call]
