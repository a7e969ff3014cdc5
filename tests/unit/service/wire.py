"""A caller at the other end of a connection, byte for byte, without a socket."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http.client import BadStatusLine, HTTPResponse, IncompleteRead
from typing import Any

from uvicorn import Config
from uvicorn.server import ServerState

from service.asgi_types import App
from service.http1 import Connection, connections_to
from service.lane import Lane
from tests.unit.service.running import until

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


@dataclass(frozen=True)
class Answer:
    """What came back; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Caller(asyncio.Transport):
    """What the connection takes for its transport: keeps what is written, and shows it as answers."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 50000), "sockname": ("127.0.0.1", 8000)})
        self.written = b""
        self.reads = True
        """False while the connection wants nothing to be sent."""
        self.connection: Connection
        self.asked: list[str] = []
        """The methods of the requests, where one of them is not POST: an answer to HEAD has a length and no body."""
        self._closing = False

    # --- as a transport

    def write(self, data: Any) -> None:
        assert not self._closing
        self.written += bytes(data)

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self.connection.loop.call_soon(self.connection.connection_lost, None)

    def is_closing(self) -> bool:
        return self._closing

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True

    # --- as a caller

    def send(self, data: bytes) -> None:
        """Some bytes of requests."""
        self.connection.data_received(data)

    def hang_up(self) -> None:
        self._closing = True
        self.connection.connection_lost(None)

    async def answered(self, count: int = 1) -> list[Answer]:
        """All answers, once there are `count` of them."""
        # To count heads is quick, to read everything again in each turn is not.
        await until(lambda: self.written.count(b"HTTP/1.1 ") >= count and len(self.answers) >= count)
        return self.answers

    @property
    def answers(self) -> list[Answer]:
        """Those that are here, whole."""
        stream = io.BytesIO(self.written.replace(CONTINUE, b""))
        found: list[Answer] = []
        while stream.tell() < len(stream.getbuffer()):
            method = self.asked[len(found)] if len(found) < len(self.asked) else "POST"
            response = HTTPResponse(_Socket(stream), method=method)  # type: ignore[arg-type]  # all that it asks of one
            try:
                response.begin()
                body = response.read()
            except (IncompleteRead, BadStatusLine, ValueError):
                break
            headers = {name.lower(): value for name, value in response.getheaders()}
            assert len(headers) == len(response.getheaders())
            found.append(Answer(response.status, headers, body))
        return found


class _Socket:
    def __init__(self, stream: io.BytesIO) -> None:
        self._stream = _Unclosed(stream)

    def makefile(self, _: str) -> _Unclosed:
        return self._stream


class _Unclosed:
    """The stream goes on behind an answer."""

    def __init__(self, stream: io.BytesIO) -> None:
        self._stream = stream
        self.read, self.readline, self.readinto, self.flush = (
            stream.read,
            stream.readline,
            stream.readinto,
            stream.flush,
        )

    def close(self) -> None:
        pass


class Switchboard:
    """Makes connections to a lane and an application, as a worker's server does."""

    def __init__(self, lane: Lane, app: App, *, keep_alive_seconds: float = 75) -> None:
        self.state = ServerState()
        self._lane = lane
        self._config = Config(
            app,
            http=connections_to(lane),  # type: ignore[arg-type]  # anything that makes connections will do
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_keep_alive=keep_alive_seconds,  # type: ignore[arg-type]
        )
        self._config.load()

    def call(self) -> Caller:
        """Connect. In the loop."""
        caller = Caller()
        make: Callable[..., Connection] = self._config.http_protocol_class  # type: ignore[assignment]
        caller.connection = make(
            config=self._config, server_state=self.state, app_state={}, _loop=asyncio.get_running_loop()
        )
        caller.connection.connection_made(caller)
        return caller


def head(method: str, target: str, headers: Mapping[str, str], version: str = "1.1") -> bytes:
    """A request up to its body."""
    lines = [
        f"{method} {target} HTTP/{version}",
        "host: digits",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def request(target: str, body: bytes, /, method: str = "POST", version: str = "1.1", **headers: str) -> bytes:
    """A whole request; `content_type=…` becomes a header."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return head(method, target, {"content-length": str(len(body)), **named}, version) + body


def chunked(pieces: Iterable[bytes]) -> list[bytes]:
    """Pieces of a body in the chunked transfer coding, its end among them. An empty piece is none."""
    return [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces if piece] + [b"0\r\n\r\n"]
