"""The inference lane beside what Flask answers: bodies as they come in, callers who leave, more than there is room for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import cv2
import numpy as np
import orjson
import pytest
from prometheus_client import REGISTRY

from service.buffers import flush_all
from service.lane import TURNS
from tests.unit.service import bodies
from tests.unit.service.conftest import MakeSettings
from tests.unit.service.running import until
from tests.unit.service.site import Answer, Site, serving
from tests.unit.service.tiny_engine import TinyEngine
from tests.unit.service.wire import chunked, head, request

PNG = bodies.png(bodies.digit())
PHOTO = np.full((600, 400), 230, np.uint8)
cv2.line(PHOTO, (200, 100), (180, 500), 30, 24)
HEAVY = cv2.imencode(".jpg", PHOTO)[1].tobytes()


CHUNKED = {"image/png": PNG, bodies.JSON: bodies.json(PNG), bodies.MULTIPART: bodies.multipart(PNG, b"x")}


def to_send(content_type: str, pieces: Sequence[bytes], *, length: bool) -> list[bytes]:
    """A request to `/predict` as it comes in: its head, then its body piece by piece."""
    named = {"content-type": content_type, "x-request-id": "id-1"}
    if length:
        return [head("POST", "/predict", {**named, "content-length": str(sum(map(len, pieces)))}), *pieces]
    return [head("POST", "/predict", {**named, "transfer-encoding": "chunked"}), *chunked(pieces)]


def answer_to(site: Site, parts: Sequence[bytes]) -> tuple[Answer, int]:
    """The answer, and how many of the parts had been sent when it came."""

    async def ask() -> tuple[Answer, int]:
        caller = site.switchboard.call()
        sent = 0
        for part in parts:
            caller.send(part)
            sent += 1
            await asyncio.sleep(0)
            if caller.written:
                break
        [answer] = await caller.answered()
        return answer, sent

    return site.run(ask())


@pytest.mark.parametrize("length", [True, False])
@pytest.mark.parametrize("size", [1, 7, 100])
@pytest.mark.parametrize("content_type", CHUNKED)
def test_a_body_may_come_in_pieces_of_any_size(site: Site, content_type: str, size: int, length: bool) -> None:
    body = CHUNKED[content_type]
    whole = site.over_flask(body=body, content_type=content_type, x_request_id="id-1")
    assert whole.status == 200
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    parts = to_send(content_type, pieces, length=length)
    assert answer_to(site, parts) == (whole, len(parts))


@pytest.mark.parametrize("cut", [1, 5, 17])
def test_so_may_all_of_a_request(site: Site, cut: int) -> None:
    everything = request("/predict?top_k=2", PNG, content_type="image/png", x_request_id="id-1")
    answer, _ = answer_to(site, [everything[at : at + cut] for at in range(0, len(everything), cut)])
    assert answer == site.over_flask("/predict?top_k=2", PNG, content_type="image/png", x_request_id="id-1")


@pytest.mark.parametrize("content_type", [bodies.RAW, bodies.JSON])
def test_a_body_that_says_it_is_too_large_is_not_read(site: Site, content_type: str) -> None:
    answer, sent = answer_to(site, to_send(content_type, [bytes(400 * 784), b"x"], length=True))
    assert (answer.status, sent) == (413, 1)


@pytest.mark.parametrize("content_type", [bodies.RAW, bodies.JSON])
@pytest.mark.parametrize("piece", [4, 1])
def test_a_body_that_grows_too_large_is_read_no_further(site: Site, content_type: str, piece: int) -> None:
    limit = site.settings.max_body_bytes
    answer, sent = answer_to(site, to_send(content_type, [bytes(limit // piece + 1)] * 100, length=False))
    assert answer.status == 413
    assert f"more than {limit} bytes" in orjson.loads(answer.body)["error"]["message"]
    assert sent == 1 + piece


def test_what_is_left_of_a_body_after_its_answer_is_thrown_away(site: Site) -> None:
    """The next request on the connection is read from where that body ends."""

    async def ask() -> list[Answer]:
        caller = site.switchboard.call()
        for part in to_send("image/png", [bytes(400 * 784)] * 2, length=True):
            caller.send(part)
        caller.send(request("/predict", PNG, content_type="image/png"))
        return await caller.answered(2)

    assert [answer.status for answer in site.run(ask())] == [413, 200]


def test_a_body_may_be_as_large_as_the_limit(site: Site) -> None:
    answer, _ = answer_to(site, to_send(bodies.RAW, [bytes(200 * 784), bytes(200 * 784)], length=True))
    assert answer.status == 200


def hung_up() -> float:
    flush_all()
    return (
        REGISTRY.get_sample_value("digits_requests_total", {"route": "/predict", "method": "POST", "status": "499"})
        or 0.0
    )


@pytest.mark.parametrize("content_type", ["image/png", bodies.JSON])
@pytest.mark.parametrize("pieces", [(), (PNG[:20],), (PNG[:20], PNG[20:])])
def test_who_hangs_up_in_the_middle_is_not_answered_but_counted(
    site: Site, content_type: str, pieces: tuple[bytes, ...]
) -> None:
    counted, asked = hung_up(), len(site.engine.asked)

    async def ask() -> bytes:
        caller = site.switchboard.call()
        for part in to_send(content_type, [*pieces, b"end"], length=True)[:-1]:
            caller.send(part)
            await asyncio.sleep(0)
        caller.hang_up()
        await asyncio.sleep(0)
        return caller.written

    assert site.run(ask()) == b""
    assert (hung_up(), len(site.engine.asked)) == (counted + 1, asked)
    assert site.over_lane(body=PNG).status == 200


def test_who_hangs_up_before_its_turn_is_not_begun(site: Site) -> None:
    counted, asked = hung_up(), len(site.engine.asked)

    async def ask() -> bytes:
        caller = site.switchboard.call()
        caller.send(request("/predict", PNG))
        caller.hang_up()
        await asyncio.sleep(0.01)
        return caller.written

    assert site.run(ask()) == b""
    assert (hung_up(), len(site.engine.asked)) == (counted + 1, asked)


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_who_sends_and_goes_at_once_leaves_no_place_taken(make_settings: MakeSettings, turns: int) -> None:
    """However far the loop has come with it: before its turn, between its turn and its task's first step, and after."""
    settings = make_settings(concurrency=3)
    with TinyEngine(settings.endpoint) as engine, serving(settings, engine) as site:
        counted = hung_up()

        async def run() -> int:
            engine.hold()
            for _ in range(2 * settings.concurrency):
                caller = site.switchboard.call()
                caller.send(request("/predict", PNG))
                soon(turns, caller.hang_up)
                for _ in range(turns + 3):
                    await asyncio.sleep(0)
            engine.release()
            last = site.switchboard.call()
            last.send(request("/predict", PNG))
            [answer] = await last.answered()
            return answer.status

        assert site.run(run()) == 200
        assert hung_up() == counted + 2 * settings.concurrency


def soon(turns: int, do: Callable[[], None]) -> None:
    """In so many turns of the loop, ahead of what those turns bring."""
    if turns == 0:
        do()
    else:
        asyncio.get_running_loop().call_soon(soon, turns - 1, do)


@pytest.mark.parametrize(
    ("content_type", "body"), [("image/png", PNG), (bodies.JSON, bodies.json(PNG)), ("image/jpeg", HEAVY)]
)
def test_who_hangs_up_while_the_engine_is_busy_is_waited_for_no_longer(
    own_site: Site, content_type: str, body: bytes
) -> None:
    """The answer never comes; that the request is counted shows that the caller's going was seen."""
    counted = hung_up()
    own_site.engine.hold()

    async def ask() -> bytes:
        caller = own_site.switchboard.call()
        caller.send(request("/predict", body, content_type=content_type))
        await until(lambda: len(own_site.engine.asked) > 0)
        caller.hang_up()
        await until(lambda: hung_up() == counted + 1)
        return caller.written

    assert own_site.run(ask()) == b""
    own_site.engine.release()
    assert own_site.over_lane(body=PNG).status == 200


@pytest.mark.parametrize("content_type", ["image/png", bodies.JSON])
def test_who_sends_slowly_keeps_nobody_waiting(site: Site, content_type: str) -> None:
    body = CHUNKED[content_type]
    slow = to_send(content_type, [body[:50], body[50:]], length=True)

    async def run() -> list[Answer]:
        callers = [site.switchboard.call() for _ in range(10)]  # more than threads
        for caller in callers:
            caller.send(slow[0] + slow[1])
        quick = site.switchboard.call()
        quick.send(request("/healthz", b"", "GET"))
        [alive] = await quick.answered()
        assert alive.status == 200
        for caller in callers:
            caller.send(slow[2])
        return [(await caller.answered())[0] for caller in callers]

    for answer in site.run(run()):
        assert answer == site.over_flask(body=body, content_type=content_type, x_request_id="id-1")


# --- too many at once


def test_beyond_the_limit_of_requests_in_progress_they_are_refused_at_once(own_site: Site) -> None:
    limit = own_site.settings.concurrency
    own_site.engine.hold()

    async def ask() -> list[Answer]:
        callers = [own_site.switchboard.call() for _ in range(limit)]
        for caller in callers:
            caller.send(request("/predict", PNG))
        await until(lambda: len(own_site.engine.asked) > 0)
        late = own_site.switchboard.call()
        late.send(request("/predict", PNG))
        refused = late.answers  # no turn of the loop has passed
        own_site.engine.release()
        answers = [(await caller.answered())[0] for caller in callers]
        late.send(request("/predict", PNG))
        return [*refused, *answers, (await late.answered(2))[1]]

    first, *others = own_site.run(ask())
    assert (first.status, first.headers["retry-after"]) == (429, "1")
    assert orjson.loads(first.body)["error"]["type"] == "queue_full"
    assert [answer.status for answer in others] == [200] * (limit + 1)


def test_of_many_at_once_a_few_are_begun_before_others_are_heard(own_site: Site) -> None:
    own_site.engine.hold()

    async def ask() -> tuple[int, int]:
        callers = [own_site.switchboard.call() for _ in range(3 * TURNS)]
        for caller in callers:
            caller.send(request("/predict", b"nothing to read"))  # refused when begun
        counts: list[int] = []
        while len(counts) < 3:
            await asyncio.sleep(0)
            done = sum(1 for caller in callers if caller.written)
            if not counts or done != counts[-1]:
                counts.append(done)
        return counts[0], counts[-1]

    assert own_site.run(ask()) == (TURNS, 3 * TURNS)
