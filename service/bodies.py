"""Request bodies ahead of threads: an application that runs in threads is given a request once its body is here.

Such an application holds a thread for as long as it reads. A few callers that send slowly, or not at all, would hold
them all, and nobody else would be answered, not even on `/healthz`. In the event loop they cost a few bytes each.
"""

from __future__ import annotations

from service.asgi_types import App, Message, Receive, Scope, Send


class BodiesFirst:
    """An ASGI application in front of another. Bodies beyond `max_body_bytes` are left to that one to refuse."""

    def __init__(self, app: App, max_body_bytes: int) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._is_worth_waiting_for(dict(scope["headers"])):
            read = await self._read(receive)
            if read is None:
                return  # the caller hung up
            body, receive = read
            # Werkzeug takes a body without a length (a chunked one) for empty; now its length is known.
            others = [item for item in scope["headers"] if item[0] not in (b"content-length", b"transfer-encoding")]
            scope = {**scope, "headers": [*others, (b"content-length", str(len(body)).encode())]}
        await self._app(scope, receive, send)

    def _is_worth_waiting_for(self, headers: dict[bytes, bytes]) -> bool:
        stated = headers.get(b"content-length", b"")
        return b"transfer-encoding" in headers or (stated.isdigit() and 0 < int(stated) <= self._max_body_bytes)

    async def _read(self, receive: Receive) -> tuple[bytes, Receive] | None:
        """Read to the end, or until it is too much: what was read, and what gives it out again.

        None when the caller has gone.
        """
        chunks: list[bytes] = []
        received, more = 0, True
        while more and received <= self._max_body_bytes:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            chunks.append(message.get("body", b""))
            received += len(chunks[-1])
            more = message.get("more_body", False)
        body = b"".join(chunks)
        ahead: list[Message] = [{"type": "http.request", "body": body, "more_body": more}]

        async def replay() -> Message:
            return ahead.pop() if ahead else await receive()

        return body, replay
