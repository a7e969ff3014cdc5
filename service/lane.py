"""The inference lane: POSTs to inference endpoints answered in the event loop, without ASGI and Flask.

    open (headers) ── complete (body) ── its turn: begin ── ask, in a task, with others ── finish, answer
                                         └ heavy: in a thread, alone ┘

Flask's dispatch and the hand-over to a thread cost several times what a small picture does; and a thread that waits for
the engine is one less for `/healthz`, just when the engine has died. So this answers them itself, with the endpoints
that Flask's routes use too: what is heavy to take apart (JSON, forms, large pictures) in threads of their own, the rest
in the loop, a few at a time, so that what comes meanwhile is read, and refused if there is too much, without a wait. It
holds no rule of its own about pictures, models or errors.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Hashable, Sequence

from service import logs
from service.browsers import raw
from service.client import BULK_PICTURES
from service.endpoint import ApartError, Call, Endpoint, Job
from service.errors import InternalError, QueueFullError, ServiceError
from service.http1 import Exchange
from service.request_ids import HEADER, request_id
from service.responses import Reply, refused
from service.services import Services
from service.tracing.traceparent import RESPONSE_HEADER

log = logs.get(__name__)
CALLER_GONE = 499
"""What nginx's log calls a caller who hung up; nobody sees it but the metrics and the log."""
TURNS = 4
"""How many requests are begun before the loop looks at its sockets again: a quarter of a millisecond's work. They go to the
engine together; more at once, and of few callers all would wait for it, and then it for all of them, …
"""
TURNS_MAX = 12
"""… while of many so many may: what is done once for all of them costs each less."""
BUSY_REQUESTS = 16
"""With so many asked about the engine has enough to do: who comes then waits for others to begin with, …"""
GATHER_SECONDS = 0.001
"""… for so long at most. The loop's timers count milliseconds."""
_CROWD = 3
_ID_HEADER = HEADER.lower().encode()
_TIMEOUT_HEADER = b"x-request-timeout-ms"
_TRACE_HEADER = RESPONSE_HEADER.lower().encode()


class Lane:
    """One per worker. What connections call is called in the loop."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._limit = services.settings.concurrency
        self.max_body_bytes = services.settings.max_body_bytes
        self._waiting: deque[Exchange] = deque()
        """For their turn."""
        self._next_turn: asyncio.Handle | None = None
        self._is_gathering = False
        """Whether that turn is put off for others to come."""
        self._asked = 0
        """How many the engine has been asked about and has not answered, not counting those still taken apart in threads."""
        self._at_work: set[Exchange] = set()
        """Those with a task, of which the loop itself keeps none alive."""

    def endpoint(self, path: str) -> Endpoint | None:
        """The endpoint that answers a POST to `path`; None: Flask does."""
        return self._services.endpoint(path)

    # --- a request comes in

    def open(self, exchange: Exchange) -> None:
        """Refuse what can be refused by its headers."""
        services, headers = self._services, exchange.headers
        exchange.started_seconds = services.clock()
        if services.tracer is not None:
            exchange.trace = services.tracer.begin("POST", exchange.endpoint.route, exchange.path, headers)
        exchange.request_id = request_id(headers.get(_ID_HEADER, b"").decode("latin-1"))
        intake = services.intake
        try:
            if not services.gate.is_open:
                services.gate.admit("predict", headers, exchange.client_host)
            exchange.budget_seconds = intake.budget_seconds(headers.get(_TIMEOUT_HEADER, b"").decode("latin-1"))
            if intake.is_too_large(headers.get(b"content-length", b"").decode("latin-1")):
                raise intake.too_large()
        except Exception as fault:  # noqa: BLE001  (answered, and logged where it is ours)
            self._fail(exchange, fault)

    def overflow(self, exchange: Exchange) -> None:
        """Its body is larger than bodies may be."""
        self._refuse(exchange, self._services.intake.too_large())

    def complete(self, exchange: Exchange) -> None:
        """Let it wait for its turn, unless too many do."""
        in_progress = len(self._waiting) + len(self._at_work)
        if in_progress >= self._limit:
            full = QueueFullError(f"{in_progress} requests are in progress already", retry_after_seconds=1)
            self._refuse(exchange, full)
            return
        self._waiting.append(exchange)
        if self._next_turn is None:
            self._is_gathering = self._asked >= BUSY_REQUESTS
            loop = asyncio.get_running_loop()
            if self._is_gathering:
                self._next_turn = loop.call_later(GATHER_SECONDS, self._take_turns)
            else:
                self._next_turn = loop.call_soon(self._take_turns)
        elif self._is_gathering and len(self._waiting) >= TURNS_MAX:
            self._next_turn.cancel()
            self._is_gathering = False
            self._next_turn = asyncio.get_running_loop().call_soon(self._take_turns)

    def gone(self, exchange: Exchange) -> None:
        """Its caller hung up. What nobody waits for any more is given up."""
        # All is said and undone here: a task that has not taken its first step would never hear of its end.
        self._at_work.discard(exchange)
        if exchange.task is not None and all(each.is_over for each in exchange.company):
            exchange.task.cancel()
        exchange.company = ()
        self._note(exchange, CALLER_GONE, self._services.clock(), "client_gone")

    # --- its turn

    def _take_turns(self) -> None:
        waiting = self._waiting
        companies: dict[Hashable, list[Exchange]] = {}
        is_busy = self._asked >= BUSY_REQUESTS
        turns = TURNS_MAX if is_busy else max(TURNS, min(TURNS_MAX, len(waiting) // _CROWD))
        for _ in range(min(turns, len(waiting))):
            exchange = waiting.popleft()
            if not exchange.disconnected and self._begin(exchange):
                company = None if exchange.job is None else exchange.job.company
                companies.setdefault(exchange if company is None else company, []).append(exchange)
        for together in companies.values():
            self._set_out(together)
        self._is_gathering = False
        self._next_turn = asyncio.get_running_loop().call_soon(self._take_turns) if waiting else None

    def _begin(self, exchange: Exchange) -> bool:
        """Whether it goes on. Its job is begun, unless a thread is to do that."""
        try:
            if b"content-encoding" not in exchange.headers:
                call = _call(exchange, exchange.body)
                if not exchange.endpoint.is_heavy(call):
                    exchange.job = exchange.endpoint.begin(call)
        except Exception as fault:  # noqa: BLE001  (answered, and logged where it is ours)
            self._fail(exchange, fault)
            return False
        return True

    def _set_out(self, company: Sequence[Exchange]) -> None:
        task = asyncio.get_running_loop().create_task(self._go_on(company))
        self._at_work.update(company)
        for exchange in company:
            exchange.task = task
            exchange.company = company

    async def _go_on(self, company: Sequence[Exchange]) -> None:
        """Ask for all of `company`, and answer each."""
        company = _still_there(company)  # since this task was made
        if not company:
            return
        try:
            await self._ask(company)
        except asyncio.CancelledError:
            if _still_there(company):
                raise
        except ApartError:
            for exchange in _still_there(company):
                self._set_out([exchange])
        except Exception as fault:  # noqa: BLE001  (the same)
            for exchange in _still_there(company):
                self._fail(exchange, fault)
                self._leave(exchange)
        else:
            for exchange in _still_there(company):
                if exchange.job is not None:
                    self._end(exchange, exchange.job)

    async def _ask(self, company: Sequence[Exchange]) -> None:
        first = company[0]
        if first.job is None:
            first.job = await self._begun_in_a_thread(first)
        self._asked += len(company)
        try:
            if len(company) > 1 and first.job.company is not None:
                await first.job.company.ask([exchange.job for exchange in company])
            else:
                await first.job.ask()
        finally:
            self._asked -= len(company)

    def _end(self, exchange: Exchange, job: Job) -> None:
        """It has been asked: answer it, now or, where that takes long, in a task of its own."""
        if job.pictures > BULK_PICTURES or exchange.carrier.is_full:
            exchange.task = asyncio.get_running_loop().create_task(self._end_slowly(exchange, job))
            exchange.company = (exchange,)
            return
        try:
            self._reply(exchange, exchange.endpoint.finish(job), job)
        except Exception as fault:  # noqa: BLE001  (answered, and logged where it is ours)
            self._fail(exchange, fault)
        self._leave(exchange)

    async def _end_slowly(self, exchange: Exchange, job: Job) -> None:
        try:
            reply = await asyncio.to_thread(exchange.endpoint.finish, job)
            if exchange.carrier.is_full:
                await exchange.carrier.drained()
            self._reply(exchange, reply, job)
        except asyncio.CancelledError:
            if not exchange.disconnected:
                raise
        except Exception as fault:  # noqa: BLE001  (answered, and logged where it is ours)
            self._fail(exchange, fault)
        finally:
            self._leave(exchange)

    def _leave(self, exchange: Exchange) -> None:
        self._at_work.discard(exchange)
        exchange.task = None
        exchange.company = ()  # which holds it

    def _fail(self, exchange: Exchange, fault: Exception) -> None:
        """Answer with what went wrong: the caller's fault, or ours."""
        if not isinstance(fault, ServiceError):
            log.error("internal_error", id=exchange.request_id, exc_info=fault)
            fault = _ours()
        try:
            self._refuse(exchange, fault)
        except Exception:  # or the others of its company would not be answered either
            log.exception("internal_error", id=exchange.request_id)

    async def _begun_in_a_thread(self, exchange: Exchange) -> Job:
        services, body = self._services, exchange.body
        if b"content-encoding" in exchange.headers:
            encoding = exchange.headers[b"content-encoding"].decode("latin-1")
            body = await services.heavy.do(services.intake.unpacked, body, encoding)
        call = _call(exchange, body)
        if exchange.endpoint.is_heavy(call):
            job: Job = await services.heavy.do(exchange.endpoint.begin, call)
        else:
            job = exchange.endpoint.begin(call)
        return job

    # --- its answer goes out

    def _reply(self, exchange: Exchange, reply: Reply, job: Job) -> None:
        clock = self._services.clock
        writing = clock()
        self._write(exchange, reply)
        ended = clock()
        job.passed(ended - writing)
        self._note(exchange, reply.status, ended, None)

    def _refuse(self, exchange: Exchange, fault: ServiceError) -> None:
        if exchange.is_over:
            return
        reply = refused(fault, exchange.path, exchange.request_id)
        self._write(exchange, reply)
        self._note(exchange, reply.status, self._services.clock(), fault.type)

    def _write(self, exchange: Exchange, reply: Reply) -> None:
        more = [(_ID_HEADER, exchange.request_id.encode())]
        if reply.headers:
            more += raw(tuple(reply.headers.items()))
        allowed = self._services.cors.headers(exchange.headers.get(b"origin", b"").decode("latin-1"))
        if allowed:
            more += raw(allowed)
        if exchange.trace is not None:
            more.append((_TRACE_HEADER, exchange.trace.response().encode()))
        exchange.carrier.answer(exchange, reply.status, reply.content_type, more, reply.body)

    def _note(self, exchange: Exchange, status: int, now_seconds: float, error: str | None) -> None:
        self._services.recorder.request(
            exchange.endpoint.route,
            "POST",
            status,
            now_seconds - exchange.started_seconds,
            exchange.request_id,
            error,
            exchange.job,
            exchange.trace,
        )


def _still_there(company: Sequence[Exchange]) -> list[Exchange]:
    return [exchange for exchange in company if not exchange.is_over]


def _ours() -> ServiceError:
    return InternalError("the service failed; the log has the details")


def _call(exchange: Exchange, body: bytes) -> Call:
    return Call(
        exchange.path,
        exchange.query,
        exchange.headers,
        body,
        exchange.request_id,
        exchange.started_seconds,
        exchange.budget_seconds,
    )
