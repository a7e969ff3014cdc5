"""Traces: what a request spent its time on, as OpenTelemetry spans over OTLP, when a collector is named.

    answer written ──▶ Trace.finished ── spans from the stages' times ──▶ bounded queue ── thread ──▶ collector

The stages are measured in any case, so spans are made of those times once the answer has been written, and nothing is
wrapped around the work itself. Without a collector (`settings.tracing_is_wanted`) no package of OpenTelemetry's is imported:
only `service.tracing.tracer` and what it uses import them, and only `start` imports that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.settings import tracing_is_wanted

if TYPE_CHECKING:
    from service.tracing.tracer import Tracer


def start() -> Tracer | None:
    """A process's tracer, None if no collector is named. Call it after a fork: it starts a thread."""
    if not tracing_is_wanted():
        return None
    from service.tracing.tracer import Tracer

    return Tracer()
