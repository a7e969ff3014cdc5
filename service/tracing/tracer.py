"""A worker's tracer. The standard variables (`OTEL_…`) are read by OpenTelemetry's own parts; docs/tracing.md lists them."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import NamedTuple

from opentelemetry import trace as api
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision, Sampler
from opentelemetry.trace import SpanContext, TraceFlags, TraceState
from opentelemetry.util.types import AttributeValue

from service import metrics
from service.settings import tracing_queue_spans
from service.tracing import traceparent
from service.tracing.exemplars import Exemplars
from service.tracing.exporting import Exporting
from service.tracing.spans import spans
from service.tracing.trace import Finished, Trace
from service.version import __version__

_TRACEPARENT = traceparent.HEADER.encode()
_TRACESTATE = traceparent.STATE_HEADER.encode()


class _Basis(NamedTuple):
    context: SpanContext
    parent: SpanContext | None


class Tracer:
    """One per process; starts a thread. `exporter` and `sampler` are by default those that the environment names."""

    def __init__(self, exporter: SpanExporter | None = None, sampler: Sampler | None = None) -> None:
        self._ids = RandomIdGenerator()
        self._resource = _resource()
        # The one public way to the sampler that OTEL_TRACES_SAMPLER names.
        self._sampler = sampler or TracerProvider(shutdown_on_exit=False, resource=self._resource).sampler
        self._exporting = Exporting(exporter or OTLPSpanExporter(), tracing_queue_spans())
        self.exemplars = Exemplars("digits_request_seconds", metrics.LATENCY_BUCKETS_SECONDS)

    def begin(self, method: str, route: str, path: str, headers: Mapping[bytes, bytes]) -> Trace:
        """A request has come; `headers` by name in lower case. It is the child of the caller's span, if there is one."""
        caller = traceparent.read(headers.get(_TRACEPARENT, b"").decode("latin-1"))
        parent = above = None
        trace_id = self._ids.generate_trace_id() if caller is None else caller.trace_id
        if caller is not None:
            state = headers.get(_TRACESTATE, b"").decode("latin-1")
            parent = SpanContext(
                caller.trace_id,
                caller.span_id,
                True,
                TraceFlags(caller.flags),
                TraceState.from_header([state]) if state else None,
            )
            above = api.set_span_in_context(api.NonRecordingSpan(parent), Context())
        sampling = self._sampler.should_sample(above or Context(), trace_id, f"{method} {route}", api.SpanKind.SERVER)
        is_sampled = sampling.decision is Decision.RECORD_AND_SAMPLE
        span_id = self._ids.generate_span_id()
        context = SpanContext(trace_id, span_id, False, TraceFlags(int(is_sampled)), sampling.trace_state)
        return Trace(trace_id, span_id, is_sampled, method, route, path, _Basis(context, parent), self._keep)

    def close(self, within_seconds: float) -> None:
        """Send what waits, for so long at most. Blocks."""
        self._exporting.close(within_seconds)

    def _keep(self, trace: Trace, finished: Finished) -> None:
        context, parent = trace.basis
        ended = time.time_ns()
        count = 1 if finished.facts is None else 1 + len(finished.facts.stages)
        self._exporting.take(count, lambda: spans(trace, finished, context, parent, ended, self._resource, self._ids))
        self.exemplars.note(trace.route, finished.seconds, trace.trace_id, trace.span_id)


def _resource() -> Resource:
    """Who we are: what `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` say goes before what we say ourselves."""
    ours: dict[str, AttributeValue] = {
        "service.name": "digits",
        "service.version": __version__,
        "process.pid": os.getpid(),
    }
    return Resource.create({**ours, **OTELResourceDetector().detect().attributes})
