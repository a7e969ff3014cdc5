"""One request's place in a trace, from its first byte until it has been answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from service.endpoint import Facts
from service.tracing import traceparent


class Told(Protocol):
    """What a trace is told of a request's job."""

    def facts(self) -> Facts: ...


class Finished(msgspec.Struct, frozen=True):
    """A request that has been answered."""

    status: int
    seconds: float
    request_id: str
    error: str | None
    facts: Facts | None


class Trace(msgspec.Struct, frozen=True):
    """Known from the start, so that the answer and the log can name it."""

    trace_id: int
    span_id: int
    is_sampled: bool
    method: str
    route: str
    path: str
    basis: Any
    """What the tracer needs to make its spans."""
    keep: Callable[[Trace, Finished], None]

    @property
    def hex(self) -> str:
        """As other programs write the trace's id."""
        return f"{self.trace_id:032x}"

    def response(self) -> str:
        """The value of `traceresponse`, which tells a caller without tracing where to look."""
        return traceparent.write(self.trace_id, self.span_id, is_sampled=self.is_sampled)

    def finished(self, status: int, seconds: float, request_id: str, error: str | None, job: Told | None) -> None:
        """It has just been answered, `seconds` after it began."""
        if self.is_sampled:
            self.keep(self, Finished(status, seconds, request_id, error, None if job is None else job.facts()))
