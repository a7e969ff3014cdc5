"""The clients of the chaos benchmark, against a server that misbehaves on cue: every end of a request has its name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from benchmarks.crowd import Crowd, Errand, Tally
from tests.unit.service.running import until

ERRAND = Errand(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody", b'"digit":7,')
ANSWERS = {
    "200": b'HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{"digit":7,0}',
    "wrong": b'HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{"digit":1,0}',
    "503": b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n",
    "500": b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n",
    "last": b'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 13\r\n\r\n{"digit":7,0}',
    "half": b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{",
    "nothing": b"",
}


class Server:
    """Answers its requests by `plan`, in order, over all connections; what cannot go on closes the connection."""

    def __init__(self, plan: list[str], crowd: Callable[[], Crowd]) -> None:
        self._plan = plan
        self._crowd = crowd
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while self._plan:
                await reader.readexactly(len(ERRAND.request))
                what = self._plan.pop(0)
                if not self._plan:
                    self._crowd()._leaving = True
                writer.write(ANSWERS[what])
                await writer.drain()
                if what in ("last", "half", "nothing"):
                    break
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def meeting(plan: list[str]) -> AsyncIterator[tuple[Crowd, Server]]:
    """One client and a server with this plan; the client leaves after its last answer."""
    crowds: list[Crowd] = []
    server = Server(plan, lambda: crowds[0])
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    async with listener:
        crowds.append(Crowd(listener.sockets[0].getsockname()[1], [ERRAND], clients=1))
        yield crowds[0], server


def told(plan: list[str]) -> tuple[Tally, int]:
    async def run() -> tuple[Tally, int]:
        async with meeting(list(plan)) as (crowd, server):
            crowd.begin()
            await crowd.gone()
            return crowd.turn_over(), server.connections

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("plan", "ends", "failed", "connections"),
    [
        (["200", "200"], {"200": 2}, 0, 1),
        (["200", "wrong"], {"200": 1, "wrong": 1}, 1, 1),
        (["503", "200"], {"503": 1, "200": 1}, 0, 1),
        (["500", "200"], {"500": 1, "200": 1}, 1, 1),
        (["last", "last", "200"], {"200": 3}, 0, 3),
        (["200", "nothing", "200"], {"200": 2, "reset": 1}, 1, 2),
        (["half", "200"], {"200": 1, "reset": 1}, 1, 2),
    ],
)
def test_every_end_of_a_request_has_its_name(
    plan: list[str], ends: dict[str, int], failed: int, connections: int
) -> None:
    tally, used = told(plan)
    assert dict(tally.ends) == ends
    assert (tally.sent, tally.failed, used) == (len(plan), failed, connections)
    assert len(tally.milliseconds) == sum(ends.get(name, 0) for name in ("200", "wrong"))


def test_nobody_there_is_a_failure_unless_the_service_is_closing() -> None:
    async def run(*, closing: bool) -> Tally:
        listener = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        port = listener.sockets[0].getsockname()[1]
        listener.close()
        await listener.wait_closed()
        crowd = Crowd(port, [ERRAND], clients=1)
        crowd.closing = closing
        crowd.begin()
        if not closing:
            await until(lambda: bool(crowd.tally.ends))
            await crowd.leave()
        await crowd.gone()
        return crowd.tally

    assert asyncio.run(run(closing=False)).ends["refused"] >= 1
    assert not asyncio.run(run(closing=True)).ends
