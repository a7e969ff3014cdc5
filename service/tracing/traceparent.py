"""Who called, by W3C Trace Context: `traceparent: 00-<trace id>-<span id>-<flags>`.

https://www.w3.org/TR/trace-context/#traceparent-header. OpenTelemetry's own reader takes 20 µs of the event loop.
"""

from __future__ import annotations

import re
from typing import NamedTuple

HEADER = "traceparent"
STATE_HEADER = "tracestate"
RESPONSE_HEADER = "traceresponse"
"""https://w3c.github.io/trace-context/#trace-context-http-response-headers-format"""
_FORM = re.compile(r"\s*([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?\s*")
_INVALID_VERSION = "ff"


class Caller(NamedTuple):
    """The span that a request was sent from."""

    trace_id: int
    span_id: int
    flags: int


def read(header: str) -> Caller | None:
    """None if there is no such header, or one that the standard says to ignore."""
    found = _FORM.fullmatch(header) if header else None
    if found is None:
        return None
    version, trace_id, span_id, flags, more = found.groups()
    if version == _INVALID_VERSION or (version == "00" and more):
        return None
    caller = Caller(int(trace_id, 16), int(span_id, 16), int(flags, 16))
    return caller if caller.trace_id and caller.span_id else None


def write(trace_id: int, span_id: int, *, is_sampled: bool) -> str:
    """The header's value."""
    return f"00-{trace_id:032x}-{span_id:016x}-{int(is_sampled):02x}"
