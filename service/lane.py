"""The prediction lane: `POST /predict` answered in the event loop, everything else handed to Flask.

Flask's dispatch and the hand-over to a thread cost several times what a small picture does; and a thread that waits for
the engine is one less for `/healthz`, just when the engine has died. So this answers predictions itself, with the
functions that Flask's route calls too: what is heavy to take apart (JSON, forms, large pictures) in a thread, the rest
in the loop. All other requests it passes on. It holds no rule of its own about pictures, models or errors.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from service import logs
from service.client import BULK_PICTURES
from service.errors import InternalError, PayloadTooLargeError, ServiceError
from service.observation import Recorder
from service.predictor import Predictor
from service.request_ids import HEADER, request_id
from service.responses import JSON_TYPE, error_body, error_headers

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

log = logs.get(__name__)
PATH = "/predict"
_ID_HEADER = HEADER.lower().encode()
_JSON = JSON_TYPE.encode()


class ClientGoneError(Exception):
    """The caller hung up before its request was complete."""


class PredictionLane:
    """An ASGI application in front of another."""

    def __init__(self, rest: App, predictor: Predictor, recorder: Recorder, max_body_bytes: int) -> None:
        self._rest = rest
        self._predictor = predictor
        self._recorder = recorder
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != PATH or scope["method"] != "POST":
            await self._rest(scope, receive, send)
            return
        headers = dict(scope["headers"])
        if b"content-encoding" in headers:
            await self._rest(scope, receive, send)
            return
        content_type = headers.get(b"content-type", b"").decode("latin-1")
        await self._predict(scope, headers, content_type, receive, send)

    async def _predict(
        self, scope: Scope, headers: dict[bytes, bytes], content_type: str, receive: Receive, send: Send
    ) -> None:
        predictor = self._predictor
        started = predictor.clock()
        ident = request_id(headers.get(_ID_HEADER, b"").decode("latin-1"))
        status, error, job, answered = 200, None, None, False
        answer_headers = [(b"content-type", _JSON), (_ID_HEADER, ident.encode())]
        try:
            query = predictor.query(scope["query_string"])
            body = await self._body(headers, receive)
            if predictor.is_heavy(content_type, body):
                job = await asyncio.to_thread(predictor.begin, query, content_type, body, started)
            else:
                job = predictor.begin(query, content_type, body, started)
            answer = await predictor.client.ask(job.target.version, job.images, job.budget_seconds)
            if len(job.images) > BULK_PICTURES:
                content = await asyncio.to_thread(predictor.finish, job, answer)
            else:
                content = predictor.finish(job, answer)
            answered = True
        except ClientGoneError:
            return
        except Exception as fault:
            if not isinstance(fault, ServiceError):
                log.exception("internal_error", id=ident)
                fault = InternalError("the service failed; the log has the details")
            status, error = fault.status, fault.type
            content = error_body(fault, ident)
            answer_headers += [(k.lower().encode(), v.encode()) for k, v in error_headers(fault).items()]
        writing = predictor.clock()
        answer_headers.append((b"content-length", str(len(content)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": answer_headers})
        await send({"type": "http.response.body", "body": content})
        ended = predictor.clock()
        if job is not None and answered:
            job.stages["write"] = ended - writing
            job.target.observer.passed(job.stages)
        self._recorder.request(PATH, "POST", status, ended - started, ident, error)

    async def _body(self, headers: dict[bytes, bytes], receive: Receive) -> bytes:
        stated = headers.get(b"content-length", b"")
        if stated.isdigit() and int(stated) > self._max_body_bytes:
            raise self._too_large()
        chunks: list[bytes] = []
        received = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientGoneError
            chunk = message.get("body", b"")
            received += len(chunk)
            if received > self._max_body_bytes:
                raise self._too_large()
            if not message.get("more_body") and not chunks:
                return chunk  # the usual case: one chunk, no copy
            chunks.append(chunk)
            if not message.get("more_body"):
                return b"".join(chunks)

    def _too_large(self) -> ServiceError:
        return PayloadTooLargeError(f"the body has more than {self._max_body_bytes} bytes", field="body")
