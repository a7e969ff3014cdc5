"""What happened, counted and logged: predictions by model version, requests by route."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from service import logs, metrics
from service.buffers import BufferedCounts, BufferedHistogram, BufferedLatest, BufferedStages
from service.catalogue import ModelVersion
from service.errors import QueueFullError, RateLimitedError
from service.tracing.trace import Told, Trace

log = logs.get(__name__)


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
