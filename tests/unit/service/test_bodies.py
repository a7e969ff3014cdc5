"""Request bodies ahead of threads: what the application behind is given, and when."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from service.asgi_types import Receive, Scope, Send
from service.bodies import BodiesFirst
from tests.unit.service.running import until
from tests.unit.service.site import Answer, Call

LIMIT_BYTES = 1000
BODY = bytes(range(256)) * 3


class Echo:
    """Answers with the body and the length it was told; counts how often it was called."""

    def __init__(self) -> None:
        self.calls = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.calls += 1
        body = b""
        more = True
        while more:
            message = await receive()
            assert message["type"] == "http.request"
            body += message["body"]
            more = message["more_body"] and len(body) <= LIMIT_BYTES
        lengths = [value for name, value in scope["headers"] if name == b"content-length"]
        await send({"type": "http.response.start", "status": 200, "headers": [(b"told", b",".join(lengths))]})
        await send({"type": "http.response.body", "body": body})


@pytest.fixture
def echo() -> Echo:
    return Echo()


def make(echo: Echo, *chunks: bytes, length: str | None = None, **options: Any) -> Answer | None:
    headers = {"transfer-encoding": "chunked"} if length is None else {"content-length": length}
    call = Call(headers=headers, chunks=chunks, **options)
    return asyncio.run(call.made_to(BodiesFirst(echo, LIMIT_BYTES)))


@pytest.mark.parametrize("size", [1, 100, len(BODY)])
@pytest.mark.parametrize("length", [None, str(len(BODY))])
def test_a_body_in_pieces_arrives_whole_with_its_length(echo: Echo, size: int, length: str | None) -> None:
    pieces = [BODY[at : at + size] for at in range(0, len(BODY), size)]
    answer = make(echo, b"", *pieces, b"", length=length)
    assert answer is not None
    assert (answer.body, answer.headers["told"]) == (BODY, str(len(BODY)))


@pytest.mark.parametrize("length", ["", "abc", "-1", "1e3", "0", str(LIMIT_BYTES + 1)])
def test_a_length_that_is_none_or_too_much_is_left_to_the_application(echo: Echo, length: str) -> None:
    answer = make(echo, b"x", length=length)
    assert answer is not None
    assert (answer.body, answer.headers["told"]) == (b"x", length)


def test_a_body_that_grows_too_large_is_handed_on_unfinished(echo: Echo) -> None:
    call = Call(headers={"transfer-encoding": "chunked"}, chunks=[bytes(400)] * 10)
    answer = asyncio.run(call.made_to(BodiesFirst(echo, LIMIT_BYTES)))
    assert answer is not None
    assert len(answer.body) == 1200
    assert call.received == 3


def test_who_hangs_up_first_is_not_handed_on(echo: Echo) -> None:
    assert make(echo, b"x", hangs_up=True) is None
    assert echo.calls == 0


def test_slow_callers_reach_the_application_only_when_complete(echo: Echo) -> None:
    async def run() -> None:
        all_here = asyncio.Event()
        app = BodiesFirst(echo, LIMIT_BYTES)
        slow = [Call(headers={"transfer-encoding": "chunked"}, chunks=[b"a", b"b"], pause=all_here) for _ in range(10)]
        answers = [asyncio.create_task(call.made_to(app)) for call in slow]
        await until(lambda: all(call.received == 2 for call in slow))
        assert echo.calls == 0
        all_here.set()
        assert [answer.body for answer in await asyncio.gather(*answers) if answer] == [b"ab"] * 10

    asyncio.run(run())
