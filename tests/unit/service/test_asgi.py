"""What an HTTP worker runs, from the server's first word to its last."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from prometheus_client import REGISTRY

from service.asgi import Worker, create
from service.buffers import flush_all
from service.settings import Settings
from tests.unit.service import bodies
from tests.unit.service.running import until
from tests.unit.service.site import Call
from tests.unit.service.tiny_engine import TinyEngine

PNG = bodies.png(bodies.digit())


@asynccontextmanager
async def alive(worker: Worker) -> AsyncIterator[list[str]]:
    """Between the server's startup and shutdown; what the worker has said about its life."""
    told: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    said: list[str] = []
    started = asyncio.Event()

    async def send(message: Any) -> None:
        said.append(message["type"])
        started.set()

    await told.put({"type": "lifespan.startup"})
    life = asyncio.create_task(worker({"type": "lifespan"}, told.get, send))
    await started.wait()
    yield said
    await told.put({"type": "lifespan.shutdown"})
    await life


def requests() -> float:
    labels = {"route": "/predict", "method": "POST", "status": "200"}
    return REGISTRY.get_sample_value("digits_requests_total", labels) or 0.0


def test_a_workers_life(settings: Settings, engine: TinyEngine) -> None:
    async def run() -> None:
        worker = Worker(settings)
        flush_all()
        before = requests()
        async with alive(worker) as said:
            assert said == ["lifespan.startup.complete"]
            await until(lambda: worker.client.ready)
            for content_type, body in (("image/png", PNG), (bodies.JSON, bodies.json(PNG))):
                headers = {"content-type": content_type, "content-length": str(len(body))}
                answer = await Call(headers=headers, chunks=[body]).made_to(worker)
                assert answer is not None
                assert answer.status == 200
                assert orjson.loads(answer.body)["predictions"][0]["digit"] in range(10)
        assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
        assert not worker.client.ready
        assert requests() == before + 2  # nothing noted is left behind
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(run())


def test_it_starts_without_an_engine_and_says_so(settings: Settings) -> None:
    async def run() -> None:
        worker = Worker(settings)
        async with alive(worker):
            for path, status in (("/healthz", 200), ("/readyz", 503), ("/models", 503)):
                answer = await Call("GET", path).made_to(worker)
                assert answer is not None
                assert answer.status == status

    asyncio.run(run())


def test_a_server_makes_it_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGITS_ENGINE_ENDPOINT", "ipc:///nowhere/engine.sock")
    assert create().client._settings.endpoint == "ipc:///nowhere/engine.sock"
