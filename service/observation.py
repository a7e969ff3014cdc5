"""Counting what happened, cheaply: the hot path notes a value, and a flush moves many at once into the metrics.

prometheus_client's shared-memory values cost 2 to 3 µs each, and a request has eight. Noting one costs a tenth of a
microsecond; `flush_all` then pays once per series. A worker flushes ten times a second, before it answers `/metrics`,
and when it ends; one that is killed takes the last tenth of a second's observations along.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from threading import Lock
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from prometheus_client import Counter, Gauge, Histogram

from service import logs, metrics
from service.catalogue import ModelVersion
from service.errors import QueueFullError, RateLimitedError
from service.tracing.trace import Told, Trace

log = logs.get(__name__)

FLUSH_SECONDS = 0.1
FULL = 1024
"""A buffer of so many values is flushed at once: a server without a flushing loop must not gather without end."""

Value = TypeVar("Value")
_buffers: list[Flushable] = []
_flushing = Lock()


class Flushable(Protocol):
    """Something with noted values."""

    def flush(self) -> None: ...


def flush_all() -> None:
    """Move all noted values into the metrics. May be called from any thread."""
    for buffer in _buffers:
        buffer.flush()


class _Buffer(Generic[Value]):
    """Values noted from any thread; a deque's ends are safe without a lock."""

    def __init__(self) -> None:
        self._values: deque[Value] = deque()
        _buffers.append(self)

    def note(self, value: Value) -> None:
        self._values.append(value)
        if len(self._values) >= FULL:
            self.flush()

    def note_all(self, values: Iterable[Value]) -> None:
        self._values.extend(values)
        if len(self._values) >= FULL:
            self.flush()

    def flush(self) -> None:
        if self._values:
            with _flushing:
                values = [self._values.popleft() for _ in range(len(self._values))]
                if values:
                    self._move(values)

    def _move(self, values: list[Value]) -> None:
        raise NotImplementedError


class BufferedHistogram(_Buffer[float]):
    """`note(value)` is `histogram.observe(value)`, a little later."""

    def __init__(self, histogram: Histogram) -> None:
        super().__init__()
        self._histogram = histogram

    def _move(self, values: list[float]) -> None:
        observe_many(self._histogram, values)


class BufferedStages(_Buffer[Mapping[str, float]]):
    """`note(stages)` is `histograms[stage].observe(seconds)` for each of them, a little later."""

    def __init__(self, histograms: Mapping[str, Histogram]) -> None:
        super().__init__()
        self._histograms = histograms

    def _move(self, values: list[Mapping[str, float]]) -> None:
        for stage, histogram in self._histograms.items():
            seconds = [stages[stage] for stages in values if stage in stages]
            if seconds:
                observe_many(histogram, seconds)


class BufferedLatest(_Buffer[float]):
    """`note(value)` is `gauge.set(value)`, a little later; of many the largest counts."""

    def __init__(self, gauge: Gauge) -> None:
        super().__init__()
        self._gauge = gauge

    def _move(self, values: list[float]) -> None:
        self._gauge.set(max(values))


class BufferedCounts(_Buffer[int]):
    """`note(i)` is `counters[i].inc()`, a little later."""

    def __init__(self, counters: Sequence[Counter]) -> None:
        super().__init__()
        self._counters = counters

    def _move(self, values: list[int]) -> None:
        for counter, count in zip(self._counters, np.bincount(values, minlength=len(self._counters)), strict=True):
            if count:
                counter.inc(int(count))


def observe_many(histogram: Histogram, values: Sequence[float]) -> None:
    """`histogram.observe` for each of `values`, at the price of one.

    prometheus_client has no such call, so this adds to the buckets and the sum that `observe` would add to.
    """
    bounds, buckets, total = histogram._upper_bounds, histogram._buckets, histogram._sum  # noqa: SLF001
    counts = np.bincount(np.searchsorted(bounds, values, side="left"), minlength=len(bounds))
    # Not strict: behind the last bucket NaN is sorted, which `observe` counts in none.
    for bucket, count in zip(buckets, counts.tolist(), strict=False):
        if count:
            bucket.inc(count)
    total.inc(float(np.sum(values)))


class Observer:
    """The metrics of one model version."""

    def __init__(self, version: ModelVersion) -> None:
        name, number = version.name, str(version.version)
        self._digits = BufferedCounts([metrics.PREDICTIONS.labels(name, number, label) for label in version.labels])
        self._confidence = BufferedHistogram(metrics.CONFIDENCE.labels(name, number))
        self._judged = BufferedCounts(
            [metrics.JUDGED_PICTURES.labels(name, number, is_digit) for is_digit in ("false", "true")]
        )
        self._stages = BufferedStages(
            {
                stage: metrics.STAGE_SECONDS.labels(name, number, stage)
                for stage in ("read", "decode", "queue", "inference", "write")
            }
        )
        self._last = BufferedLatest(metrics.LAST_INFERENCE.labels(name, number))

    def predicted(self, winners: Sequence[int], confidences: Sequence[float]) -> None:
        """Count pictures by their class, and how surely it was found; both in the same order."""
        self._digits.note_all(winners)
        self._confidence.note_all(confidences)

    def judged(self, is_digit: Iterable[bool]) -> None:
        """Count pictures by whether they were taken for a digit at all."""
        self._judged.note_all(map(int, is_digit))

    def passed(self, stages: Mapping[str, float]) -> None:
        """Record how many seconds a request spent in each stage. `stages` must not change any more."""
        self._stages.note(stages)
        self.answered()

    def answered(self) -> None:
        """Record that it has just answered; `passed` does so too."""
        self._last.note(time.time())


ASKED_BY_MACHINES = frozenset(("/healthz", "/readyz", "/metrics"))
"""Every few seconds; nobody looks for the trace of one, or for its line in the log when all is well."""


TOO_MUCH = frozenset((QueueFullError.type, RateLimitedError.type))
"""Refusals of which there may be thousands a second, each like the other."""


class Recorder:
    """Counts and logs finished requests; one per worker.

    Failures are always logged, and so is what took `slow_seconds` or longer; other successes, and what was refused because
    there was too much of it, up to `lines_per_second`: a busy worker has better things to do. The line after some that
    were left out says how many.
    """

    def __init__(self, lines_per_second: int, slow_seconds: float = math.inf) -> None:
        self._lines_per_second = lines_per_second
        self._slow_seconds = slow_seconds
        self._second = 0
        self._lines = 0
        self._left_out = 0
        self._known: dict[tuple[str, str, int], tuple[BufferedCounts, BufferedHistogram]] = {}
        self._seconds: dict[str, BufferedHistogram] = {}

    def request(
        self,
        route: str,
        method: str,
        status: int,
        seconds: float,
        request_id: str,
        error: str | None = None,
        job: Told | None = None,
        trace: Trace | None = None,
    ) -> None:
        """It has been answered. `route`: the pattern, not the path, so that the number of time series is bounded."""
        known = self._known.get((route, method, status))
        if known is None:
            known = self._introduce(route, method, status)
        known[0].note(0)
        known[1].note(seconds)
        if trace is not None:
            trace.finished(status, seconds, request_id, error, job)
        is_slow = status < 400 and seconds >= self._slow_seconds
        is_one_of_many = not is_slow if status < 400 else error in TOO_MUCH
        if is_one_of_many and (route in ASKED_BY_MACHINES or not self._has_room()):
            return
        more: dict[str, Any] = {"error": error} if status >= 400 else {"slow": True} if is_slow else {}
        more |= _told(job, trace)
        if is_one_of_many:
            more |= self._what_was_left_out()
        is_ours = status >= 500 and status != 503
        write = log.error if is_ours else log.warning if status >= 400 or is_slow else log.info
        write("request", route=route, method=method, status=status, ms=_ms(seconds), id=request_id, **more)

    def _has_room(self) -> bool:
        """Whether one more line may be written this second."""
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._lines = second, 0
        if self._lines >= self._lines_per_second:
            self._left_out += 1
            return False
        self._lines += 1
        return True

    def _what_was_left_out(self) -> dict[str, int]:
        left_out, self._left_out = self._left_out, 0
        return {"lines_left_out": left_out} if left_out else {}

    def _introduce(self, route: str, method: str, status: int) -> tuple[BufferedCounts, BufferedHistogram]:
        if route not in self._seconds:
            self._seconds[route] = BufferedHistogram(metrics.REQUEST_SECONDS.labels(route))
        counts = BufferedCounts([metrics.REQUESTS.labels(route, method, str(status))])
        known = self._known[route, method, status] = (counts, self._seconds[route])
        return known


def _told(job: Told | None, trace: Trace | None) -> dict[str, Any]:
    """What a line says of the model that answered and of the trace."""
    said: dict[str, Any] = {}
    if job is not None:
        facts = job.facts()
        said.update(model=facts.model, version=facts.version, pictures=facts.pictures)
    if trace is not None:
        said["trace_id"] = trace.hex
    return said


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
