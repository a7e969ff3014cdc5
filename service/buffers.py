"""Counting what happened, cheaply: the hot path notes a value, and a flush moves many at once into the metrics.

prometheus_client's shared-memory values cost 2 to 3 µs each, and a request has eight. Noting one costs a tenth of a
microsecond; `flush_all` then pays once per series. A worker flushes ten times a second, before it answers `/metrics`,
and when it ends; one that is killed takes the last tenth of a second's observations along.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from threading import Lock
from typing import Generic, Protocol, TypeVar

import numpy as np
from prometheus_client import Counter, Gauge, Histogram

from service import metrics

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


class Rejections:
    """`note(type)` counts a request or picture that was refused for that type of error, a little later."""

    def __init__(self) -> None:
        self._counts: dict[str, BufferedCounts] = {}

    def note(self, error_type: str) -> None:
        counts = self._counts.get(error_type)
        if counts is None:
            counts = self._counts[error_type] = BufferedCounts([metrics.REJECTIONS.labels(error_type)])
        counts.note(0)


rejections = Rejections()
"""Of this process."""


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
