"""A head that has been parsed before is not parsed again, and nobody can tell."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any

import pytest

from service.asgi_types import Receive, Scope, Send
from service.http1 import Exchange
from service.http1.known import KEPT, KnownHeads
from tests.unit.service.wire import Switchboard, chunked, head, request

TEN = b"0123456789"
PLAIN = request("/predict?top_k=3", TEN, content_type="image/png")
LONGER = request("/predict?top_k=3", TEN * 2, content_type="image/png")
TWIN = request("/predict?top_k=3", b"9876543210", content_type="image/png")
OTHER = request("/other", TEN)
EMPTY = request("/predict", b"")
WITH_A_HEAD_IN_IT = request("/predict", PLAIN)
IN_CHUNKS = head("POST", "/predict", {"transfer-encoding": "chunked"}) + b"".join(chunked([TEN]))
AFTER_EMPTY_LINES = b"\r\n\r\n" + PLAIN
LAST = request("/predict", TEN, connection="close")
OLD = request("/predict", TEN, version="1.0")
NO_HTTP = b"POST nonsense\r\n\r\n"


@dataclass
class Taken:
    """A lane that writes down what it is given and answers at once."""

    max_body_bytes: int = 1000
    requests: list[tuple[object, ...]] = field(default_factory=list)

    def endpoint(self, path: str) -> Any:
        return path

    def open(self, exchange: Exchange) -> None:
        if b"refused" in exchange.headers:
            exchange.carrier.answer(exchange, 400, "text/plain", (), b"no")

    def complete(self, exchange: Exchange) -> None:
        facts = (exchange.endpoint, exchange.path, exchange.query, dict(exchange.headers), exchange.client_host)
        self.requests.append((*facts, exchange.body, exchange.received_bytes, exchange.is_whole, exchange.keep_alive))
        exchange.carrier.answer(exchange, 200, "text/plain", (), b"%d" % len(self.requests))

    def overflow(self, exchange: Exchange) -> None:
        exchange.carrier.answer(exchange, 413, "text/plain", (), b"")

    def gone(self, exchange: Exchange) -> None:
        raise AssertionError("nobody hung up")


async def _app(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


def heard(pieces: list[bytes], connections: int = 1) -> tuple[list[tuple[object, ...]], list[bytes]]:
    """What the lane gets of these pieces, and what is written on each connection; they take turns, request by request."""

    async def run() -> tuple[list[tuple[object, ...]], list[bytes]]:
        lane = Taken()
        switchboard = Switchboard(lane, _app)  # type: ignore[arg-type]  # it takes any lane
        callers = [switchboard.call() for _ in range(connections)]
        for piece in pieces:
            for caller in callers:
                if not caller.is_closing():
                    caller.send(piece)
                    await asyncio.sleep(0)
        for _ in range(20):
            await asyncio.sleep(0)
        return lane.requests, [caller.written for caller in callers]

    return asyncio.run(run())


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For each time that a head was looked up, whether it was known."""
    seen: list[bool] = []
    find = KnownHeads.find

    def looked_up(self: KnownHeads, data: bytes) -> Any:
        known = find(self, data)
        seen.append(known is not None)
        return known

    monkeypatch.setattr(KnownHeads, "find", looked_up)
    return seen


def test_the_second_of_a_kind_is_known_on_every_connection(found: list[bool]) -> None:
    requests, _ = heard([PLAIN, TWIN], connections=2)
    assert found == [False, True, True, True]
    assert [request[5] for request in requests] == [TEN, TEN, b"9876543210", b"9876543210"]
    assert {request[:3] for request in requests} == {("/predict", "/predict", b"top_k=3")}


@pytest.mark.parametrize(
    "unusual",
    [
        IN_CHUNKS,
        AFTER_EMPTY_LINES,
        LAST,
        OLD,
        *(
            request("/predict", TEN, **{name: "1"})
            for name in ("authorization", "x_api_key", "cookie", "x_request_id", "cf_ray", "via")
        ),
        request("/predict", TEN, traceparent="00-1-1-01"),
        request("/predict", TEN, upgrade="h2c"),
        request("/predict", TEN, expect="100-continue"),
        request("/predict", TEN, x="y" * 1024),
    ],
)
def test_what_is_unusual_or_of_one_caller_is_parsed_each_time(unusual: bytes, found: list[bool]) -> None:
    heard([unusual, unusual], connections=2)
    assert found
    assert not any(found)


@pytest.mark.parametrize("more", [PLAIN[:-1], PLAIN + b"P", PLAIN + PLAIN, LONGER, PLAIN[:30]])
def test_a_known_head_with_another_number_of_bytes_behind_it_is_parsed(more: bytes, found: list[bool]) -> None:
    heard([PLAIN, more])
    assert found == [False, False]


def test_one_that_is_refused_by_its_head_is_refused_as_often_as_it_comes(found: list[bool]) -> None:
    refused = request("/predict", TEN, refused="1")
    requests, [written] = heard([PLAIN, refused, refused, PLAIN])
    assert len(requests) == 2
    assert written.count(b"HTTP/1.1 400") == 2
    assert found == [False, False, False, True]


def test_while_the_body_of_another_is_awaited_a_known_head_is_a_part_of_it(found: list[bool]) -> None:
    whole = request("/other", PLAIN)
    requests, _ = heard([PLAIN, whole[: -len(PLAIN)], PLAIN])
    assert [request[5] for request in requests] == [TEN, PLAIN]
    assert found == [False, False]


def test_so_many_are_kept_and_no_more() -> None:
    known = KnownHeads()
    for number in range(KEPT + 1):
        sent = request(f"/predict?top_k={number}", TEN)
        known.learn(sent, None, "/predict", b"", {b"content-length": b"10"}, TEN)  # type: ignore[arg-type]
        assert known.find(sent) is not None
    assert known.find(request("/predict?top_k=0", TEN)) is None


def test_a_head_that_the_parser_ended_elsewhere_is_not_learnt() -> None:
    known = KnownHeads()
    known.learn(PLAIN, None, "/predict", b"", {b"content-length": b"9"}, TEN[1:])  # type: ignore[arg-type]
    assert known.find(PLAIN) is None


@pytest.mark.parametrize("seed", range(60))
def test_with_and_without_it_the_same_is_heard_and_answered(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests in any order, cut into pieces anywhere or where they end."""
    dice = random.Random(seed)
    kinds = [PLAIN, TWIN, LONGER, OTHER, EMPTY, WITH_A_HEAD_IN_IT, IN_CHUNKS, AFTER_EMPTY_LINES]
    chosen = dice.choices(kinds, weights=[5, 5, 3, 3, 2, 2, 1, 1], k=30)
    if seed % 3 == 0:
        chosen.insert(dice.randrange(10, 30), dice.choice([LAST, OLD, NO_HTTP]))
    pieces: list[bytes] = []
    for one in chosen:
        how = dice.random()
        if how < 0.15 and pieces:
            pieces[-1] += one
        elif how < 0.4:
            at = dice.randrange(len(one))
            pieces += [one[:at], one[at:]]
        else:
            pieces.append(one)
    pieces = [piece for piece in pieces if piece]
    with_it = heard(pieces, connections=2)
    monkeypatch.setattr(KnownHeads, "find", lambda *_: None)
    assert heard(pieces, connections=2) == with_it
    assert len(with_it[0]) > 10
