"""The inference lane: POSTs to inference endpoints answered in the event loop, everything else handed to Flask.

Flask's dispatch and the hand-over to a thread cost several times what a small picture does; and a thread that waits for
the engine is one less for `/healthz`, just when the engine has died. So this answers them itself, with the endpoints
that Flask's routes use too: what is heavy to take apart (JSON, forms, large pictures) in threads of their own, the rest
in the loop. It holds no rule of its own about pictures, models or errors.
"""

from __future__ import annotations

import asyncio

from service import logs
from service.asgi_types import App, Receive, Scope, Send
from service.browsers import PREDICTION_HEADERS, raw
from service.client import BULK_PICTURES
from service.endpoint import Call, Endpoint, Job
from service.errors import InternalError, ServiceError
from service.patience import CallerGoneError, Patience
from service.request_ids import HEADER, request_id
from service.responses import Reply, refused
from service.services import Services

log = logs.get(__name__)
CALLER_GONE = 499
"""What nginx's log calls a caller who hung up; nobody sees it but the metrics and the log."""
_ID_HEADER = HEADER.lower().encode()
_TIMEOUT_HEADER = b"x-request-timeout-ms"


class InferenceLane:
    """An ASGI application in front of another."""

    def __init__(self, rest: App, services: Services) -> None:
        self._rest = rest
        self._services = services
        self._patience = Patience()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST":
            endpoint = self._services.endpoint(scope["path"])
            if endpoint is not None:
                await self._answer(endpoint, scope, receive, send)
                return
        await self._rest(scope, receive, send)

    async def _answer(self, endpoint: Endpoint, scope: Scope, receive: Receive, send: Send) -> None:
        services = self._services
        started = services.clock()
        headers: dict[bytes, bytes] = dict(scope["headers"])
        trace = None
        if services.tracer is not None:
            trace = services.tracer.begin("POST", endpoint.route, scope["path"], headers)
            send = trace.announced(send)
        ident = request_id(headers.get(_ID_HEADER, b"").decode("latin-1"))
        error: str | None = None
        job: Job | None = None
        try:
            if not services.gate.is_open:
                services.gate.admit("predict", headers, scope["client"][0] if scope["client"] else None)
            call = await self._call(scope, headers, ident, started, receive)
            is_heavy = endpoint.is_heavy(call)
            begun: Job = await services.heavy.do(endpoint.begin, call) if is_heavy else endpoint.begin(call)
            job = begun
            reply = await self._asked(endpoint, begun, receive)
        except CallerGoneError:
            gone_seconds = services.clock() - started
            services.recorder.request(
                endpoint.route, "POST", CALLER_GONE, gone_seconds, ident, "client_gone", job, trace
            )
            return
        except Exception as fault:
            if not isinstance(fault, ServiceError):
                log.exception("internal_error", id=ident)
                fault = InternalError("the service failed; the log has the details")
            reply, error = refused(fault, scope["path"], ident), fault.type
        writing = services.clock()
        await send(
            {"type": "http.response.start", "status": reply.status, "headers": self._head(reply, ident, headers)}
        )
        await send({"type": "http.response.body", "body": reply.body})
        ended = services.clock()
        if job is not None and error is None:
            job.passed(ended - writing)
        services.recorder.request(endpoint.route, "POST", reply.status, ended - started, ident, error, job, trace)

    async def _asked(self, endpoint: Endpoint, job: Job, receive: Receive) -> Reply:
        await self._patience.while_caller_waits(job.ask(), receive)
        if job.pictures > BULK_PICTURES:
            return await asyncio.to_thread(endpoint.finish, job)
        return endpoint.finish(job)

    async def _call(
        self, scope: Scope, headers: dict[bytes, bytes], ident: str, started: float, receive: Receive
    ) -> Call:
        intake = self._services.intake
        budget_seconds = intake.budget_seconds(headers.get(_TIMEOUT_HEADER, b"").decode("latin-1"))
        body = await self._body(headers, receive)
        if b"content-encoding" in headers:
            encoding = headers[b"content-encoding"].decode("latin-1")
            body = await self._services.heavy.do(intake.unpacked, body, encoding)
        return Call(scope["path"], scope["query_string"], headers, body, ident, started, budget_seconds)

    async def _body(self, headers: dict[bytes, bytes], receive: Receive) -> bytes:
        intake = self._services.intake
        if intake.is_too_large(headers.get(b"content-length", b"").decode("latin-1")):
            raise intake.too_large()
        chunks: list[bytes] = []
        received = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise CallerGoneError
            chunk = message.get("body", b"")
            received += len(chunk)
            intake.check_length(received)
            if not message.get("more_body") and not chunks:
                return chunk  # the usual case: one chunk, no copy
            chunks.append(chunk)
            if not message.get("more_body"):
                return b"".join(chunks)

    def _head(self, reply: Reply, ident: str, headers: dict[bytes, bytes]) -> list[tuple[bytes, bytes]]:
        head = [
            (b"content-type", reply.content_type.encode()),
            (b"content-length", str(len(reply.body)).encode()),
            (_ID_HEADER, ident.encode()),
            *PREDICTION_HEADERS,
        ]
        if reply.headers:
            head += raw(tuple(reply.headers.items()))
        allowed = self._services.cors.headers(headers.get(b"origin", b"").decode("latin-1"))
        if allowed:
            head += raw(allowed)
        return head
