"""One request that the lane answers, from its headers to its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from service.http1.heads import Header

if TYPE_CHECKING:
    from service.endpoint import Endpoint, Job
    from service.tracing.trace import Trace


class Carrier(Protocol):
    """The connection that an exchange takes place on."""

    @property
    def is_full(self) -> bool:
        """Whether its caller has not read enough of earlier answers to be sent another."""
        ...

    async def drained(self) -> None:
        """Wait until it has."""
        ...

    def answer(self, exchange: Exchange, status: int, content_type: str, more: Sequence[Header], body: bytes) -> None:
        """Write the answer, and go on with the next request."""
        ...


class _Unheard:
    def set(self) -> None:
        """An exchange is told by its connection; nobody waits for an event."""


_UNHEARD = _Unheard()


class Exchange:
    """Made when the headers of a request are here; its connection adds the body, the lane all that is below it."""

    __slots__ = (
        "body",
        "budget_seconds",
        "carrier",
        "client_host",
        "company",
        "disconnected",
        "endpoint",
        "headers",
        "is_open",
        "is_whole",
        "job",
        "keep_alive",
        "message_event",
        "path",
        "query",
        "received_bytes",
        "request_id",
        "response_complete",
        "started_seconds",
        "task",
        "trace",
    )

    def __init__(
        self,
        carrier: Carrier,
        endpoint: Endpoint,
        path: str,
        query: bytes,
        headers: Mapping[bytes, bytes],
        client_host: str | None,
        *,
        keep_alive: bool,
    ) -> None:
        self.carrier = carrier
        self.endpoint = endpoint
        self.path = path
        """Percent-decoded."""
        self.query = query
        self.headers = headers
        """By name in lower case."""
        self.client_host = client_host
        self.received_bytes = 0
        self.body = b""
        self.is_open = False
        """Whether the lane has it: earlier requests on the connection have been answered."""
        self.is_whole = False
        """Whether all of the body is here."""

        # By these four names uvicorn knows where a request stands.
        self.keep_alive = keep_alive
        self.response_complete = False
        self.disconnected = False
        """Whether its caller has gone."""
        self.message_event = _UNHEARD

        self.started_seconds = 0.0
        self.budget_seconds = 0.0
        self.request_id = ""
        self.trace: Trace | None = None
        self.job: Job | None = None
        """Once it has begun."""
        self.task: asyncio.Task[Any] | None = None
        """While it waits for something."""
        self.company: Sequence[Exchange] = ()
        """All whose task that is, itself among them."""

    @property
    def is_over(self) -> bool:
        """Whether there is nobody to answer any more."""
        return self.response_complete or self.disconnected
