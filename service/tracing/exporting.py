"""Spans on their way to the collector: a bounded queue and a thread, so that nobody waits for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from service import metrics


class Exporting:
    """OpenTelemetry's batching, with what it drops counted.

    Its queue (`OTEL_BSP_MAX_QUEUE_SIZE` spans) throws away the oldest, so that traces lose their roots. This takes all spans
    of a request or none, and never more than there is room for, those on their way to the collector included.
    """

    def __init__(self, exporter: SpanExporter, max_spans: int) -> None:
        self._max_spans = max_spans
        self._waiting_spans = 0
        self._room = threading.Lock()
        self._dropped = metrics.SPANS.labels("dropped")
        self._processor = BatchSpanProcessor(_Counted(exporter, self._gone), max_queue_size=max_spans)

    def take(self, spans: int, make: Callable[[], Sequence[ReadableSpan]]) -> None:
        """Send so many, which `make` makes, some time. Does not block; drops them, and counts that, when too many wait."""
        with self._room:
            has_room = self._waiting_spans + spans <= self._max_spans
            if has_room:
                self._waiting_spans += spans
        if not has_room:
            self._dropped.inc(spans)
            return
        for span in make():
            self._processor.on_end(span)

    def close(self, within_seconds: float) -> None:
        """Send what waits, for so long at most. Blocks."""
        # It has no limit of its own that could be given; what it has not done by then goes on in a daemon's thread.
        closing = threading.Thread(target=self._processor.shutdown, name="tracing-close", daemon=True)
        closing.start()
        closing.join(within_seconds)

    def _gone(self, spans: int) -> None:
        with self._room:
            self._waiting_spans -= spans


class _Counted(SpanExporter):
    """Tells how many it has done with, and what became of them."""

    def __init__(self, exporter: SpanExporter, gone: Callable[[int], None]) -> None:
        self._exporter = exporter
        self._gone = gone
        self._exported, self._failed = (metrics.SPANS.labels(outcome) for outcome in ("exported", "failed"))

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        outcome = SpanExportResult.FAILURE
        try:
            outcome = self._exporter.export(spans)
        finally:
            self._gone(len(spans))
            (self._exported if outcome is SpanExportResult.SUCCESS else self._failed).inc(len(spans))
        return outcome

    def shutdown(self) -> None:
        self._exporter.shutdown()
