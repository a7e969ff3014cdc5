"""uvicorn's connection, from which requests of the inference lane are taken as soon as they have been read."""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.browsers import PREDICTION_HEADERS
from service.http1.exchange import Exchange
from service.http1.heads import Header, Heads
from service.http1.known import KnownHead, KnownHeads

if TYPE_CHECKING:
    from service.endpoint import Endpoint

_LARGE_BYTES = 65_536
"""From here on it costs less to write a body by itself than to put it behind its head."""
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Taker(Protocol):
    """The lane, as its connections see it. All in the event loop."""

    max_body_bytes: int

    def endpoint(self, path: str) -> Endpoint | None:
        """The endpoint that answers a POST to `path`, if it is for the lane."""
        ...

    def open(self, exchange: Exchange) -> None:
        """Its headers are here. May answer at once; the rest of the body is then read and thrown away."""
        ...

    def complete(self, exchange: Exchange) -> None:
        """Its body is here too."""
        ...

    def overflow(self, exchange: Exchange) -> None:
        """Its body has grown beyond `max_body_bytes`, and is here no more."""
        ...

    def gone(self, exchange: Exchange) -> None:
        """Its caller hung up before it was answered."""
        ...


def connections_to(lane: Taker) -> Callable[..., Connection]:
    """What uvicorn's `http` setting takes for a class: makes the connections of one worker."""
    return partial(Connection, lane, Heads(PREDICTION_HEADERS), KnownHeads())


class Connection(HttpToolsProtocol):
    """One caller's connection. uvicorn's names and order are kept: `cycle` is the request read last, `pipeline` those that
    wait until earlier ones have been answered.
    """

    def __init__(self, lane: Taker, heads: Heads, known: KnownHeads, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lane = lane
        self._heads = heads
        self._known = known
        self._is_between = True
        """Whether the parser is between two requests, so that it need not see the next one."""
        self._segment: bytes | None = None
        """What came at once, from the beginning of a request, while the parser reads the first in it."""
        self._reading: Exchange | None = None
        self._chunks: list[bytes] = []
        self._open: Exchange | None = None
        """The one whose turn it is to be answered."""
        self._idle_since_seconds: float | None = None

    # --- a request comes in

    def data_received(self, data: bytes) -> None:
        if self._is_between:
            found = self._known.find(data)
            if found is not None and not self._is_early and not self.transport.is_closing():
                self._unset_keepalive_if_required()
                self._take(*found)
                return
            self._segment = data
        super().data_received(data)
        self._segment = None

    def _take(self, known: KnownHead, body: bytes) -> None:
        """A whole request, of which nothing has gone through the parser."""
        exchange = Exchange(self, known.endpoint, known.path, known.query, known.headers, self._host, keep_alive=True)
        exchange.body = body
        exchange.received_bytes = len(body)
        exchange.is_whole = True
        self.cycle = exchange  # type: ignore[assignment]  # has what uvicorn asks of a cycle
        self._give(exchange)
        if not exchange.is_over:
            self._lane.complete(exchange)

    def on_message_begin(self) -> None:
        self._is_between = False
        self.url = b""
        self.expect_100_continue = False
        self.headers = []
        self._reading = None

    def on_headers_complete(self) -> None:
        exchange = self._exchange() if self.parser.get_method() == b"POST" else None
        if exchange is None:
            self._leave_to_asgi()
            return
        is_early = self._is_early
        self._reading = exchange
        self._chunks = []
        self.cycle = exchange  # type: ignore[assignment]  # has what uvicorn asks of a cycle
        if not is_early:
            if self.expect_100_continue:
                self.transport.write(_CONTINUE)
            self._give(exchange)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((exchange, None))  # type: ignore[arg-type]

    @property
    def _is_early(self) -> bool:
        """Whether the request before has not been answered yet."""
        before: Any = self.cycle
        return before is not None and not before.response_complete

    def _exchange(self) -> Exchange | None:
        path, query = _address(self.url)
        endpoint = self._lane.endpoint(path)
        # What asks for another protocol is answered in this one, but its body stands outside of the request.
        if endpoint is None or self.parser.should_upgrade():
            return None
        if self.expect_100_continue and self._is_early:
            return None  # it waits for a word that must not come between others' answers
        keep_alive = self.parser.get_http_version() != "1.0" and self.parser.should_keep_alive()
        return Exchange(self, endpoint, path, query, dict(self.headers), self._host, keep_alive=keep_alive)

    @property
    def _host(self) -> str | None:
        return self.client[0] if self.client else None

    def _leave_to_asgi(self) -> None:
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers.extend(headers)  # the scope holds this list
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        exchange = self._reading
        if exchange is None:
            super().on_body(body)
            return
        if exchange.is_over:
            return
        was_within = exchange.received_bytes <= self._lane.max_body_bytes
        exchange.received_bytes += len(body)
        if exchange.received_bytes <= self._lane.max_body_bytes:
            self._chunks.append(body)
        elif was_within:
            self._chunks = []
            if exchange.is_open:
                self._lane.overflow(exchange)

    def on_message_complete(self) -> None:
        segment, self._segment = self._segment, None
        self._is_between = self.parser.should_keep_alive()
        exchange = self._reading
        if exchange is None:
            super().on_message_complete()
            return
        self._reading = None
        if exchange.is_over:
            return
        chunks = self._chunks
        exchange.body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        self._chunks = []
        exchange.is_whole = True
        if segment is not None and exchange.keep_alive and exchange.received_bytes <= self._lane.max_body_bytes:
            self._known.learn(
                segment, exchange.endpoint, exchange.path, exchange.query, exchange.headers, exchange.body
            )
        if exchange.is_open:
            self._lane.complete(exchange)

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        """uvicorn's word for the turn of a request that came while another was being answered."""
        if not isinstance(cycle, Exchange):
            super()._start_asgi_task(cycle, app)
            return
        self._give(cycle)
        if cycle.is_over:
            return
        if cycle.received_bytes > self._lane.max_body_bytes:
            self._lane.overflow(cycle)
        elif cycle.is_whole:
            self._lane.complete(cycle)

    def _give(self, exchange: Exchange) -> None:
        exchange.is_open = True
        self._open = exchange
        self._lane.open(exchange)

    # --- its answer goes out

    @property
    def is_full(self) -> bool:
        return self.flow.write_paused

    async def drained(self) -> None:
        await self.flow.drain()

    def answer(self, exchange: Exchange, status: int, content_type: str, more: Sequence[Header], body: bytes) -> None:
        defaults = self.server_state.default_headers
        if self._heads.closes(defaults):
            exchange.keep_alive = False
        head = self._heads.head(status, defaults, content_type, len(body), more, keep_alive=exchange.keep_alive)
        if len(body) < _LARGE_BYTES:
            self.transport.write(head + body)
        else:
            self.transport.write(head)
            self.transport.write(body)
        exchange.response_complete = True
        self._open = None
        if not exchange.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            # Not at once: of a thousand that are all refused each would be answered from within the one before.
            self.loop.call_soon(self._start_next)
            return
        self._idle_since_seconds = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def _start_next(self) -> None:
        if self.pipeline and not self.transport.is_closing():
            self._start_asgi_task(*self.pipeline.pop())

    # --- nothing comes for a while, or nothing more at all

    def _unset_keepalive_if_required(self) -> None:
        """Its caller is there. The timer stays, for setting one anew with each request costs as much as parsing it."""
        self._idle_since_seconds = None

    def timeout_keep_alive_handler(self) -> None:
        self.timeout_keep_alive_task = None
        since = self._idle_since_seconds
        if since is None:
            return  # the next answer sets another
        left_seconds = since + self.timeout_keep_alive - self.loop.time()
        if left_seconds <= 0:
            super().timeout_keep_alive_handler()
        else:
            self.timeout_keep_alive_task = self.loop.call_later(left_seconds, self.timeout_keep_alive_handler)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
            self.timeout_keep_alive_task = None
        super().connection_lost(exc)
        self._reading = None
        if self._open is not None:
            exchange, self._open = self._open, None
            exchange.disconnected = True
            self._lane.gone(exchange)


def _address(url: bytes) -> tuple[str, bytes]:
    """The path, percent-decoded, and the query of a request's target, in whichever of its forms it comes."""
    if url.startswith(b"/") and b"#" not in url:
        raw_path, _, query = url.partition(b"?")
    else:
        parsed = httptools.parse_url(url)
        raw_path, query = parsed.path, parsed.query or b""
    path = raw_path.decode("ascii")
    return urllib.parse.unquote(path) if "%" in path else path, query
