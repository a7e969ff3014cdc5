"""The HTTP half of the service in one process: Flask and the lane over one client of a tiny engine, in a still time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from flask import Flask

from service.app import create_app
from service.asgi import bridge
from service.asgi_types import App
from service.bodies import BodiesFirst
from service.client import EngineClient
from service.lane import Lane
from service.services import Services, assemble
from service.settings import Settings
from tests.unit.service.running import until
from tests.unit.service.tiny_engine import TinyEngine
from tests.unit.service.wire import Answer, Switchboard, head

__all__ = ["Answer", "Call", "Site", "serving"]

T = TypeVar("T")


@dataclass
class Call:
    """A request over plain ASGI, and how much of it was read."""

    method: str = "POST"
    path: str = "/predict"
    query: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    chunks: Sequence[bytes] = (b"",)
    hangs_up: bool = False
    """After the chunks, instead of completing the request."""
    leaves: bool = False
    """After the chunks, without waiting for the answer."""
    pause: asyncio.Event | None = None
    """To be waited for after the first chunk."""
    received: int = 0
    """How many messages the application has taken."""
    sent: list[Any] = field(default_factory=list)
    """What it has said."""

    async def made_to(self, app: App) -> Answer | None:
        """The answer, None when there was none."""

        async def receive() -> Any:
            self.received += 1
            return await self._message(self.received)

        async def send(message: Any) -> None:
            self.sent.append(message)

        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": self.method,
            "scheme": "http",
            "path": self.path,
            "raw_path": self.path.encode(),
            "query_string": self.query,
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in self.headers.items()],
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 8000),
        }
        await app(scope, receive, send)
        if not self.sent:
            return None
        start, *parts = self.sent
        assert start["type"] == "http.response.start"
        assert all(part["type"] == "http.response.body" for part in parts)
        assert not parts[-1].get("more_body", False)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in start["headers"]}
        assert len(headers) == len(start["headers"])
        return Answer(start["status"], headers, b"".join(part.get("body", b"") for part in parts))

    async def _message(self, number: int) -> dict[str, Any]:
        """The application's next, counted from 1."""
        if number > 1 and self.pause is not None:
            await self.pause.wait()
        if number <= len(self.chunks):
            more = number < len(self.chunks) or self.hangs_up
            return {"type": "http.request", "body": self.chunks[number - 1], "more_body": more}
        if not self.hangs_up and not self.leaves:
            await asyncio.Event().wait()  # as a server does until the answer is sent or the connection lost
        return {"type": "http.disconnect"}


@dataclass(frozen=True)
class Site:
    """See the module's text."""

    settings: Settings
    engine: TinyEngine
    client: EngineClient
    loop: asyncio.AbstractEventLoop
    flask: Flask
    lane: Lane
    switchboard: Switchboard
    services: Services

    def over_flask(
        self, path: str = "/predict", body: bytes | None = None, *, method: str = "POST", **headers: str
    ) -> Answer:
        """Through Flask alone, from this thread. `content_type=…`, `x_request_id=…` become headers."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        with self.flask.test_client() as http:
            response = http.open(path, method=method, data=body, headers=named, buffered=True)
            found = {name.lower(): value for name, value in response.headers.items()}
            assert len(found) == len(response.headers)
            return Answer(response.status_code, found, response.data)

    def over_lane(
        self, path: str = "/predict", body: bytes | None = None, *, method: str = "POST", **headers: str
    ) -> Answer:
        """The same over a connection that knows the lane, in the loop."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            named["content-length"] = str(len(body))

        async def ask() -> Answer:
            caller = self.switchboard.call()
            caller.asked = [method]
            caller.send(head(method, path, named) + (body or b""))
            [answer] = await caller.answered()
            # The bridge to Flask ends a little later.
            await until(lambda: not self.switchboard.state.tasks)
            return answer

        return self.run(ask())

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Block until `condition()`, evaluated in the loop, holds."""
        asyncio.run_coroutine_threadsafe(until(condition), self.loop).result()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """In the loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result()


@contextmanager
def serving(settings: Settings, engine: TinyEngine) -> Iterator[Site]:
    """A site on a running engine; waits until it is ready."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="site")
    thread.start()
    client = EngineClient(settings)
    try:
        asyncio.run_coroutine_threadsafe(client.start(), loop).result()
        asyncio.run_coroutine_threadsafe(until(lambda: client.ready), loop).result()
        services = assemble(settings, client, clock=lambda: 0.0)
        flask = create_app(settings, services)
        rest = BodiesFirst(bridge(flask.wsgi_app, 2), settings.max_body_bytes)
        lane = Lane(services)
        switchboard = Switchboard(lane, rest)
        yield Site(settings, engine, client, loop, flask, lane, switchboard, services)
        asyncio.run_coroutine_threadsafe(until(lambda: not switchboard.state.tasks), loop).result()
    finally:
        asyncio.run_coroutine_threadsafe(client.stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
