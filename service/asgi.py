"""What an HTTP worker runs: Flask behind ASGI, the inference lane beside it, one engine client under both. No TensorFlow.

Any ASGI server can run it; one whose connections know the lane (`service.worker`) answers inference many times faster.
"""

from __future__ import annotations

import asyncio
from itertools import count
from typing import Any

from a2wsgi import WSGIMiddleware

from service import garbage, logs, process_memory, settings
from service.app import create_app
from service.asgi_types import App, Receive, Scope, Send
from service.bodies import BodiesFirst
from service.buffers import FLUSH_SECONDS, flush_all
from service.client import EngineClient
from service.lane import Lane
from service.services import assemble

log = logs.get(__name__)

_MEASURE_TURNS = 10
"""Memory changes slowly, and to ask for it costs more than a flush."""

LAST_TRACES_SECONDS = 2.0
"""How long the end waits for the collector of traces to take what it has not got yet."""


class Worker:
    """The ASGI application of one worker process; connects to the engine when the server starts it."""

    def __init__(self, configuration: settings.Settings) -> None:
        self.client = EngineClient(configuration)
        self._services = services = assemble(configuration, self.client)
        flask = create_app(configuration, services)
        self._app: App = BodiesFirst(bridge(flask.wsgi_app, configuration.threads), configuration.max_body_bytes)
        self.lane = Lane(services)
        self._last_traces_seconds = min(LAST_TRACES_SECONDS, configuration.drain_seconds / 8)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            await self._app(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        await self.client.start()
        garbage.settle()
        flushing = asyncio.create_task(_keep_flushing())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        flushing.cancel()
        await self.client.stop()
        flush_all()
        if self._services.tracer is not None:
            await asyncio.to_thread(self._services.tracer.close, self._last_traces_seconds)
        await send({"type": "lifespan.shutdown.complete"})


def bridge(wsgi_app: Any, threads: int) -> App:
    """A WSGI application as an ASGI application that runs in so many threads."""
    app: Any = WSGIMiddleware(wsgi_app, workers=threads)  # two libraries' types for one interface
    return app


async def _keep_flushing() -> None:
    for turn in count():
        if turn % _MEASURE_TURNS == 0:
            process_memory.measure("worker")
        await asyncio.sleep(FLUSH_SECONDS)
        flush_all()


def create() -> Worker:
    """For a server's command line: `service.asgi:create()`."""
    return Worker(settings.load())
