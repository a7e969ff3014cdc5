"""A connection that carries several requests: in order, to whom they are for, and to its end."""

from __future__ import annotations

import asyncio

import orjson
import pytest

from service.asgi_types import Receive, Scope, Send
from tests.unit.service import bodies
from tests.unit.service.running import pictures, until
from tests.unit.service.site import Answer, Site
from tests.unit.service.wire import CONTINUE, Caller, Switchboard, chunked, head, request

PNG = bodies.png(bodies.digit())
GOOD = request("/predict", PNG, x_request_id="good")
BAD = request("/predict", b"nothing", x_request_id="bad")
HEALTH = request("/healthz", b"", "GET", x_request_id="health")
IN_A_THREAD = request("/predict", bodies.json(PNG), content_type=bodies.JSON, x_request_id="json")
NOT_THERE = request("/nowhere", PNG, x_request_id="nowhere")
ALL = {"good": GOOD, "bad": BAD, "health": HEALTH, "json": IN_A_THREAD, "nowhere": NOT_THERE}
STATUS = {"good": 200, "bad": 415, "health": 200, "json": 200, "nowhere": 404}


def talk(site: Site, sent: bytes, answers: int, *, at_once: bool = True) -> Caller:
    """A caller that has sent so much and got so many answers."""

    async def run() -> Caller:
        caller = site.switchboard.call()
        if at_once:
            caller.send(sent)
        else:
            for at in range(0, len(sent), 50):
                caller.send(sent[at : at + 50])
                await asyncio.sleep(0)
        await caller.answered(answers)
        await asyncio.sleep(0)
        return caller

    return site.run(run())


def ids(answers: list[Answer]) -> list[str]:
    return [answer.headers["x-request-id"] for answer in answers]


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize(
    "names",
    [
        ("good", "good", "good"),
        ("good", "health", "good"),
        ("health", "good", "health", "bad", "good"),
        ("json", "good", "bad", "json", "health"),
        ("bad", "bad", "good"),
        ("nowhere", "good", "nowhere", "json"),
    ],
)
def test_requests_that_do_not_wait_are_answered_in_their_order(
    site: Site, names: tuple[str, ...], at_once: bool
) -> None:
    caller = talk(site, b"".join(ALL[name] for name in names), len(names), at_once=at_once)
    assert ids(caller.answers) == list(names)
    assert [answer.status for answer in caller.answers] == [STATUS[name] for name in names]
    assert caller.reads
    assert not caller.is_closing()


def test_a_thousand_that_did_not_wait_and_are_all_refused(site: Site) -> None:
    refused = request("/predict", b"", x_request_timeout_ms="soon")
    caller = talk(site, GOOD + refused * 1200 + GOOD, 1202)
    assert [answer.status for answer in caller.answers] == [200, *[400] * 1200, 200]
    assert caller.connection.timeout_keep_alive_task is not None


def test_while_one_is_answered_the_next_are_not_read(own_site: Site) -> None:
    own_site.engine.hold()

    async def run() -> tuple[bool, int]:
        caller = own_site.switchboard.call()
        caller.send(GOOD)
        assert caller.reads
        caller.send(GOOD)
        await until(lambda: len(own_site.engine.asked) > 0)
        seen = caller.reads
        own_site.engine.release()
        await caller.answered(2)
        return seen, len(own_site.engine.asked)

    assert own_site.run(run()) == (False, 2)


@pytest.mark.parametrize(
    ("version", "stated"), [("1.0", {}), ("1.0", {"connection": "keep-alive"}), ("1.1", {"connection": "close"})]
)
def test_a_caller_who_wants_no_more_is_told_and_let_go(site: Site, version: str, stated: dict[str, str]) -> None:
    caller = talk(site, request("/predict", PNG, version=version, **stated), 1)
    [answer] = caller.answers
    assert answer.headers["connection"] == "close"
    assert caller.is_closing()


def test_a_server_that_stops_says_so_and_answers_what_it_has(own_site: Site) -> None:
    own_site.engine.hold()
    state = own_site.switchboard.state

    async def run() -> tuple[Caller, bool]:
        busy, idle = own_site.switchboard.call(), own_site.switchboard.call()
        busy.send(GOOD)
        await until(lambda: len(own_site.engine.asked) > 0)
        assert state.connections == {busy.connection, idle.connection}
        for caller in (busy, idle):
            caller.connection.shutdown()
        idle_went = idle.is_closing()
        own_site.engine.release()
        await busy.answered()
        await asyncio.sleep(0)
        return busy, idle_went

    busy, idle_went = own_site.run(run())
    assert idle_went
    assert busy.answers[0].headers["connection"] == "close"
    assert busy.is_closing()
    assert not state.connections


def test_what_the_server_adds_is_on_every_answer_from_then_on(own_site: Site) -> None:
    state = own_site.switchboard.state

    async def run() -> list[Answer]:
        caller = own_site.switchboard.call()
        state.default_headers = [(b"date", b"today")]
        caller.send(GOOD)
        await caller.answered(1)
        state.default_headers.append((b"connection", b"close"))
        caller.send(GOOD)
        return await caller.answered(2)

    first, second = own_site.run(run())
    assert (first.headers["date"], first.headers.get("connection")) == ("today", None)
    assert (second.headers["date"], second.headers["connection"]) == ("today", "close")


@pytest.mark.parametrize("body", [PNG, pictures(300).tobytes()])
def test_who_asks_first_whether_to_send_is_told_to(site: Site, body: bytes) -> None:
    async def run() -> tuple[bytes, list[Answer]]:
        caller = site.switchboard.call()
        kind = bodies.RAW if len(body) > 10_000 else "image/png"
        named = {"content-type": kind, "content-length": str(len(body)), "expect": "100-continue"}
        caller.send(head("POST", "/predict", named))
        told = caller.written
        caller.send(body)
        return told, await caller.answered()

    told, [answer] = site.run(run())
    assert told == CONTINUE
    assert answer.status == 200


def test_who_asks_so_behind_another_request_is_not_told_in_between(site: Site) -> None:
    named = {"content-length": str(len(PNG)), "expect": "100-continue"}

    async def run() -> Caller:
        caller = site.switchboard.call()
        caller.send(GOOD + head("POST", "/predict", named))
        await caller.answered(1)
        await until(lambda: CONTINUE in caller.written)
        caller.send(PNG)
        await caller.answered(2)
        return caller

    caller = site.run(run())
    assert [answer.status for answer in caller.answers] == [200, 200]
    first_ends = caller.written.index(b"\n", caller.written.index(b'{"model"')) + 1
    assert caller.written.index(CONTINUE) >= first_ends


@pytest.mark.parametrize(
    "target", ["http://digits/predict?top_k=2", "/%70redict?top_k=2", "/predict?top_k=2", "/predict?top_k=2#part"]
)
def test_a_target_may_have_any_of_its_forms(site: Site, target: str) -> None:
    [answer] = talk(site, request(target, PNG), 1).answers
    assert len(orjson.loads(answer.body)["predictions"][0]["top"]) == 2


@pytest.mark.parametrize(
    "sent",
    [
        b"POST /predict HTTP/1.1\r\ncontent-length: x\r\n\r\n",
        b"POST /predict HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"POST /predict HTTP/1.1\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n",
        b"POST /predict HTTP/1.1\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd",
        b"POST /predict HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
        b"POST /predict\xff HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01 hello",
    ],
)
def test_what_is_no_http_is_refused_and_the_connection_ended(site: Site, sent: bytes) -> None:
    caller = talk(site, sent, 1)
    assert caller.answers[0].status == 400
    assert caller.is_closing()
    assert site.over_lane(body=PNG).status == 200


def test_another_protocol_is_not_taken_up(site: Site) -> None:
    """Java's client asks so with its first request, which has no body then."""
    asked = request("/predict", b"", upgrade="h2c", connection="Upgrade", x_request_id="h2")
    [answer] = talk(site, asked, 1).answers
    assert (answer.status, answer.headers["x-request-id"]) == (400, "h2")


def test_chunks_may_have_trailers(site: Site) -> None:
    parts = [head("POST", "/predict", {"transfer-encoding": "chunked"}), *chunked([PNG])]
    parts[-1] = b"0\r\nx-trailer: 1\r\n\r\n"
    assert talk(site, b"".join(parts) + GOOD, 2).answers[0].status == 200


def test_a_caller_who_does_not_read_is_sent_no_more(site: Site) -> None:
    async def run() -> tuple[bytes, list[Answer]]:
        caller = site.switchboard.call()
        caller.connection.pause_writing()
        caller.send(GOOD)
        await asyncio.sleep(0.05)
        meanwhile = caller.written
        caller.connection.resume_writing()
        return meanwhile, await caller.answered()

    meanwhile, [answer] = site.run(run())
    assert (meanwhile, answer.status) == (b"", 200)


def test_a_large_answer_is_whole(site: Site) -> None:
    [answer] = talk(site, request("/predict", pictures(400).tobytes(), content_type=bodies.RAW), 1).answers
    assert len(orjson.loads(answer.body)["predictions"]) == 400


def test_a_connection_that_lies_idle_is_closed(site: Site) -> None:
    async def run() -> Caller:
        caller = Switchboard(site.lane, _nobody, keep_alive_seconds=0.02).call()
        caller.send(GOOD)
        await caller.answered()
        await until(caller.is_closing)
        return caller

    assert site.run(run()).connection.timeout_keep_alive_task is None


def test_one_that_is_used_stays_open(own_site: Site) -> None:
    """The timer ends while a request is in progress, which takes longer than a connection may lie idle."""
    own_site.engine.hold()

    async def run() -> tuple[bool, bool]:
        caller = Switchboard(own_site.lane, _nobody, keep_alive_seconds=0.02).call()
        caller.send(BAD)
        await caller.answered(1)
        caller.send(GOOD)
        await until(lambda: caller.connection.timeout_keep_alive_task is None)
        was_open = not caller.is_closing()
        own_site.engine.release()
        await caller.answered(2)
        await until(caller.is_closing)
        return was_open, caller.is_closing()

    assert own_site.run(run()) == (True, True)


def test_a_caller_who_has_gone_leaves_no_timer(site: Site) -> None:
    async def run() -> Caller:
        caller = site.switchboard.call()
        caller.send(GOOD)
        await caller.answered()
        assert caller.connection.timeout_keep_alive_task is not None
        caller.hang_up()
        return caller

    caller = site.run(run())
    assert caller.connection.timeout_keep_alive_task is None
    assert caller.connection not in site.switchboard.state.connections


async def _nobody(scope: Scope, receive: Receive, send: Send) -> None:
    raise AssertionError("this was for the lane")
