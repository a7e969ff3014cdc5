"""A finished request as spans: the request, and in it the stages that it came to.

    POST /predict   ├─────────────────────────────────────────────┤
      read          ├───┤
      decode            ├──────┤
      queue                    ├────────┤              (waiting here and in the engine, and travelling both ways)
      inference                         ├────────┤
      write                                            ├──────────┤

Stages are measured as durations, one after the other, so they are laid one after the other; `write` ends with the
request. What lies between `inference` and `write` is the making of the answer.
"""

from __future__ import annotations

from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.semconv.attributes import error_attributes, http_attributes, url_attributes
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode

from service.endpoint import Facts
from service.tracing.trace import Finished, Trace
from service.version import __version__

LAST_STAGE = "write"
CALLER_GONE = 499
_SCOPE = InstrumentationScope("digits", __version__)
_FAILED = Status(StatusCode.ERROR)
_UNSET = Status()
_NANOSECONDS = 1e9


def spans(
    trace: Trace,
    finished: Finished,
    context: SpanContext,
    parent: SpanContext | None,
    ended_nanoseconds: int,
    resource: Resource,
    ids: RandomIdGenerator,
) -> list[ReadableSpan]:
    """The request's span first, then those of its stages; times since 1970.

    OpenTelemetry asks not to make these objects by hand; but its own way takes 200 µs for the six spans of a prediction
    and this 20, in the event loop, and the exporter cannot tell them apart.
    """
    started = ended_nanoseconds - _nanoseconds(finished.seconds)

    def span(name: str, own: SpanContext, above: SpanContext | None, begin: int, end: int, **more: Any) -> ReadableSpan:
        return ReadableSpan(
            name,
            own,
            above,
            resource,
            start_time=begin,
            end_time=end,
            instrumentation_scope=_SCOPE,
            **more,
        )

    facts = finished.facts
    found = [
        span(
            f"{trace.method} {trace.route}",
            context,
            parent,
            started,
            ended_nanoseconds,
            kind=SpanKind.SERVER,
            attributes=_of_request(trace, finished),
            status=_FAILED if finished.status >= 500 else _UNSET,
        )
    ]
    if facts is None:
        return found
    model = _of_model(facts)
    at = started
    for stage, seconds in facts.stages.items():
        took = _nanoseconds(seconds)
        begin = max(at, ended_nanoseconds - took) if stage == LAST_STAGE else at
        at = min(begin + took, ended_nanoseconds)
        own = SpanContext(context.trace_id, ids.generate_span_id(), False, context.trace_flags, context.trace_state)
        found.append(span(stage, own, context, begin, at, attributes=model))
    return found


def _of_request(trace: Trace, finished: Finished) -> dict[str, Any]:
    """OpenTelemetry's names where it has one: semantic conventions of HTTP servers; ours begin with `digits.`."""
    attributes: dict[str, Any] = {
        http_attributes.HTTP_REQUEST_METHOD: trace.method,
        http_attributes.HTTP_ROUTE: trace.route,
        url_attributes.URL_PATH: trace.path,
        url_attributes.URL_SCHEME: "http",
        "digits.request.id": finished.request_id,
    }
    if finished.status != CALLER_GONE:  # nobody was told that one
        attributes[http_attributes.HTTP_RESPONSE_STATUS_CODE] = finished.status
    if finished.error is not None:
        attributes[error_attributes.ERROR_TYPE] = finished.error
    if finished.facts is not None:
        attributes.update(_of_model(finished.facts))
    return attributes


def _of_model(facts: Facts) -> dict[str, Any]:
    attributes: dict[str, Any] = {
        "digits.model.name": facts.model,
        "digits.model.version": facts.version,
        "digits.pictures": facts.pictures,
    }
    if facts.batch_pictures:
        attributes["digits.batch.pictures"] = facts.batch_pictures
    return attributes


def _nanoseconds(seconds: float) -> int:
    return round(seconds * _NANOSECONDS)
