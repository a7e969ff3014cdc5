"""Exemplars: beside each bucket of the latency histogram, a trace that fell into it.

prometheus_client keeps none when several processes share their metrics (`MultiProcessValue.set_exemplar` does nothing), so
they are kept here, by the worker that answered, and put beside the sums over all processes when it is the one that is
scraped. An exemplar is one example, so one worker's are as good as another's.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Sequence

from prometheus_client import Metric
from prometheus_client.samples import Exemplar, Sample


class Exemplars:
    """The latest trace in each bucket of a histogram with the label `route`. `now` gives seconds since 1970."""

    def __init__(self, family: str, bounds: Sequence[float], now: Callable[[], float] = time.time) -> None:
        self._family = family
        self._bucket = f"{family}_bucket"
        self._bounds = bounds
        self._now = now
        self._latest: dict[tuple[str, int], tuple[int, int, float, float]] = {}

    def note(self, route: str, seconds: float, trace_id: int, span_id: int) -> None:
        """A sampled request. May be called from any thread."""
        self._latest[route, bisect_left(self._bounds, seconds)] = (trace_id, span_id, seconds, self._now())

    def attach(self, metric: Metric) -> Metric:
        """`metric`, with exemplars if it is the histogram."""
        if metric.name == self._family:
            metric.samples = [self._with_exemplar(sample) for sample in metric.samples]
        return metric

    def _with_exemplar(self, sample: Sample) -> Sample:
        if sample.name != self._bucket:
            return sample
        found = self._latest.get((sample.labels["route"], bisect_left(self._bounds, float(sample.labels["le"]))))
        if found is None:
            return sample
        trace_id, span_id, seconds, at = found
        labels = {"trace_id": f"{trace_id:032x}", "span_id": f"{span_id:016x}"}
        return sample._replace(exemplar=Exemplar(labels, seconds, at))
