"""Requests that begin in one turn are asked for together, and nobody can tell by the answer."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Sequence
from typing import Any

import msgspec
import orjson
import pytest

from service import lane
from service.endpoint import ApartError, Call
from service.http1.exchange import Exchange
from service.lane import BUSY_REQUESTS, TURNS, TURNS_MAX, Lane
from service.predictor import COMPANION_PICTURES, PredictJob, Predictor, ask_together
from tests.unit.service import bodies
from tests.unit.service.conftest import MakeSettings
from tests.unit.service.running import until
from tests.unit.service.site import Answer, Site, serving
from tests.unit.service.test_lane_at_work import hung_up
from tests.unit.service.tiny_engine import CNN, TinyEngine
from tests.unit.service.tiny_model import classify
from tests.unit.service.wire import Caller, request

PNGS = [bodies.png(bodies.digit(seed)) for seed in range(TURNS)]
OTHER = msgspec.structs.replace(CNN, name="mlp", version=3)
TWO = msgspec.structs.replace(CNN, version=2)


def sent_at_once(site: Site, requests: Sequence[bytes]) -> list[Caller]:
    """In the loop: each over a connection of its own, before the first is begun."""
    callers = [site.switchboard.call() for _ in requests]
    for caller, one in zip(callers, requests, strict=True):
        caller.send(one)
    return callers


def answers_to(site: Site, requests: Sequence[bytes]) -> list[Answer]:
    async def ask() -> list[Answer]:
        callers = sent_at_once(site, requests)
        return [(await caller.answered())[0] for caller in callers]

    return site.run(ask())


def to_predict(number: int, path: str = "/predict", **headers: str) -> bytes:
    return request(path, PNGS[number], content_type="image/png", x_request_id=f"id-{number}", **headers)


def test_they_travel_as_one_and_are_answered_as_if_alone(site: Site) -> None:
    before = len(site.engine.asked)
    together = answers_to(site, [to_predict(number) for number in range(TURNS)])
    assert [len(asked.images) for asked in site.engine.asked[before:]] == [TURNS]
    for number, answer in enumerate(together):
        alone = site.over_flask(body=PNGS[number], content_type="image/png", x_request_id=f"id-{number}")
        assert alone.status == 200
        assert answer == alone


def test_several_pictures_of_one_request_stay_side_by_side(site: Site) -> None:
    counts = [3, 1, COMPANION_PICTURES]
    raws = [b"".join(bodies.digit(10 * at + one).tobytes() for one in range(count)) for at, count in enumerate(counts)]
    answers = answers_to(site, [request("/predict", raw, content_type=bodies.RAW, x_request_id="a") for raw in raws])
    assert len(site.engine.asked[-1].images) == sum(counts)
    assert answers == [site.over_flask(body=raw, content_type=bodies.RAW, x_request_id="a") for raw in raws]


def test_what_cannot_be_read_is_refused_and_the_others_go(site: Site) -> None:
    before = len(site.engine.asked)
    requests = [to_predict(0), request("/predict", b"no picture", content_type="image/png"), to_predict(2)]
    assert [answer.status for answer in answers_to(site, requests)] == [200, 400, 200]
    assert [len(asked.images) for asked in site.engine.asked[before:]] == [2]


@pytest.fixture
def companies(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many set out together, each time."""
    sizes: list[int] = []
    set_out = Lane._set_out

    def counted(self: Lane, company: Sequence[Exchange]) -> None:
        sizes.append(len(company))
        set_out(self, company)

    monkeypatch.setattr(Lane, "_set_out", counted)
    return sizes


async def kept_busy(site: Site, companies: list[int]) -> list[Caller]:
    """So many at work that who comes next waits for others."""
    site.engine.hold()
    callers = sent_at_once(site, [to_predict(number % TURNS) for number in range(BUSY_REQUESTS)])
    await until(lambda: sum(companies) == BUSY_REQUESTS)
    await asyncio.sleep(0)  # so that the tasks of the last have asked
    return callers


def test_while_many_are_at_work_who_comes_begins_with_others(
    own_site: Site, companies: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane, "GATHER_SECONDS", 3600)

    async def run() -> list[int]:
        callers = await kept_busy(own_site, companies)
        before = len(companies)
        for number in range(TURNS_MAX):
            assert len(companies) == before
            callers += sent_at_once(own_site, [to_predict(number % TURNS)])
            await asyncio.sleep(0)
        await until(lambda: len(companies) > before)
        own_site.engine.release()
        return [(await caller.answered())[0].status for caller in callers]

    assert own_site.run(run()) == [200] * (BUSY_REQUESTS + TURNS_MAX)
    assert companies[-1] == TURNS_MAX


def test_nobody_waits_for_others_for_long(own_site: Site, companies: list[int]) -> None:
    async def run() -> list[int]:
        callers = await kept_busy(own_site, companies)
        callers += sent_at_once(own_site, [to_predict(0)])
        await until(lambda: companies[-1] == 1)
        own_site.engine.release()
        return [(await caller.answered())[0].status for caller in callers]

    assert own_site.run(run()) == [200] * (BUSY_REQUESTS + 1)


def test_who_asks_another_version_or_has_another_deadline_goes_apart(own_site: Site) -> None:
    own_site.engine.serve(CNN, OTHER, push=True)
    own_site.engine.wait_until_known()
    own_site.wait_until(lambda: len(own_site.client.catalogue.versions) == 2)
    requests = [
        to_predict(0),
        to_predict(1, "/predict?model=mlp"),
        to_predict(2),
        to_predict(3, x_request_timeout_ms="900"),
    ]
    answers = answers_to(own_site, requests)
    assert [orjson.loads(answer.body)["model"] for answer in answers] == ["cnn", "mlp", "cnn", "cnn"]
    # The one with little time goes by itself, but in the same message: small pictures of one version share it.
    assert sorted((asked.header.model, len(asked.images)) for asked in own_site.engine.asked) == [
        ("cnn", 3),
        ("mlp", 1),
    ]


def test_who_hangs_up_takes_nobody_along(own_site: Site) -> None:
    counted = hung_up()
    own_site.engine.hold()

    async def ask() -> tuple[bytes, list[Answer]]:
        callers = sent_at_once(own_site, [to_predict(number) for number in range(TURNS)])
        await asyncio.sleep(0.05)
        callers[0].hang_up()
        own_site.engine.release()
        return callers[0].written, [(await caller.answered())[0] for caller in callers[1:]]

    gone, answers = own_site.run(ask())
    assert gone == b""
    assert hung_up() == counted + 1
    assert own_site.engine.cancelled == []
    for number, answer in enumerate(answers, 1):
        [found] = orjson.loads(answer.body)["predictions"]
        assert found["digit"] == int(classify(bodies.digit(number)[None, ..., None])[0].argmax())


def test_when_all_hang_up_nothing_is_computed(own_site: Site) -> None:
    own_site.engine.hold()

    async def leave() -> None:
        callers = sent_at_once(own_site, [to_predict(number) for number in range(TURNS)])
        await asyncio.sleep(0.05)
        for caller in callers:
            caller.hang_up()

    own_site.run(leave())
    own_site.engine.wait_for_cancels(1)


@pytest.mark.parametrize("turns", [0, 1, 2, 3, 4])
def test_however_early_some_hang_up_no_place_stays_taken(make_settings: MakeSettings, turns: int) -> None:
    settings = make_settings(concurrency=TURNS)
    with TinyEngine(settings.endpoint) as engine, serving(settings, engine) as site:

        async def run() -> list[int]:
            engine.hold()
            callers = sent_at_once(site, [to_predict(number) for number in range(TURNS)])
            for _ in range(turns):
                await asyncio.sleep(0)
            callers[1].hang_up()
            await asyncio.sleep(0.01)
            engine.release()
            for caller in (callers[0], *callers[2:]):
                await caller.answered()
            again = sent_at_once(site, [to_predict(number) for number in range(TURNS)])
            return [(await caller.answered())[0].status for caller in again]

        assert site.run(run()) == [200] * TURNS


def test_where_there_is_no_room_for_all_there_may_be_for_some(make_settings: MakeSettings) -> None:
    settings = make_settings(queue_limit=2, max_pictures=2, max_batch_size=2)
    with TinyEngine(settings.endpoint) as engine, serving(settings, engine) as site:
        answers = answers_to(site, [to_predict(number) for number in range(TURNS)])
    assert [answer.status for answer in answers] == [200, 200, *[429] * (TURNS - 2)]


def test_a_version_that_has_just_left_has_a_successor_for_each(own_site: Site) -> None:
    own_site.engine.serve(CNN, TWO, push=True)
    own_site.wait_until(lambda: len(own_site.client.catalogue.versions) == 2)

    known = own_site.client.catalogue

    async def ask() -> list[Answer]:
        own_site.engine.hold()
        callers = sent_at_once(own_site, [to_predict(0), to_predict(1), to_predict(2, "/predict?version=2")])
        await until(lambda: len(own_site.engine.asked) > 0)
        own_site.engine.serve(CNN, push=True)
        await until(lambda: own_site.client.catalogue is not known)
        own_site.engine.refusal = ("unknown_version", "cnn/2 is not loaded")
        own_site.engine.release()
        own_site.engine.refusal = None
        return [(await caller.answered())[0] for caller in callers]

    first, second, named = own_site.run(ask())
    assert (first.status, second.status, named.status) == (200, 200, 404)
    assert orjson.loads(first.body)["version"] == 1


def test_a_full_engine_is_not_asked_again(own_site: Site) -> None:
    own_site.engine.refusal = ("queue_full", "too much")
    answers = answers_to(own_site, [to_predict(number) for number in range(TURNS)])
    assert [answer.status for answer in answers] == [429] * TURNS
    assert len(own_site.engine.asked) == 1


def test_who_has_hardly_any_time_left_takes_nobody_along(own_site: Site) -> None:
    """Its body was long in coming; another's, with as long a budget, was not."""
    router, now = own_site.services.router, [0.0]
    predictor = Predictor(own_site.settings, router, lambda: now[0])

    def job(started: float, budget: float) -> PredictJob:
        headers = {b"content-type": b"image/png"}
        return predictor.begin(Call("/predict", b"", headers, PNGS[0], "id", started, budget))

    now[0] = 100.0
    late, in_time, alike = job(95.01, 5.0), job(95.01, 20.0), job(95.02, 20.0)
    assert late.company is None
    assert in_time.company is not None
    assert in_time.company == alike.company
    assert job(95.2, 20.0).company != in_time.company


def test_what_it_took_to_ask_together_is_taken_off_what_is_left(own_site: Site) -> None:
    own_site.engine.serve(CNN, TWO, push=True)
    own_site.wait_until(lambda: len(own_site.client.catalogue.versions) == 2)
    predictor = Predictor(own_site.settings, own_site.services.router, lambda: 0.0)
    call = Call("/predict", b"version=2", {b"content-type": b"image/png"}, PNGS[0], "id", 0.0, 30.0)

    async def ask() -> list[float]:
        jobs = [predictor.begin(call), predictor.begin(call)]
        own_site.engine.hold()
        asking = asyncio.ensure_future(ask_together(jobs))
        await until(lambda: len(own_site.engine.asked) > 0)
        await asyncio.sleep(0.05)
        own_site.engine.refusal = ("unknown_version", "cnn/2 is not loaded")
        own_site.engine.release()
        with pytest.raises(ApartError):
            await asking
        return [job.budget_seconds for job in jobs]

    assert max(own_site.run(ask())) < 30 - 0.05


def test_a_fault_in_answering_one_is_no_others(own_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    noted = own_site.services.recorder.request
    failed: list[int] = []

    def fail_once(*args: Any) -> None:
        if len(failed) < 2:  # the answer's note, and the note of that failure
            failed.append(1)
            raise RuntimeError("disk full")
        noted(*args)

    monkeypatch.setattr(own_site.services.recorder, "request", fail_once)
    own_site.engine.refusal = ("internal_error", "inference failed")
    answers = answers_to(own_site, [to_predict(number) for number in range(TURNS)])
    assert [answer.status for answer in answers] == [500] * TURNS
    own_site.engine.refusal = None
    assert own_site.over_lane(body=PNGS[0], content_type="image/png").status == 200
    assert not own_site.lane._at_work


def test_a_fault_of_the_engine_is_everyones(own_site: Site) -> None:
    own_site.engine.refusal = ("internal_error", "inference failed")
    answers = answers_to(own_site, [to_predict(number) for number in range(TURNS)])
    assert [answer.status for answer in answers] == [500] * TURNS
    assert {orjson.loads(answer.body)["error"]["request_id"] for answer in answers} == {f"id-{i}" for i in range(TURNS)}


def test_who_does_not_read_holds_up_nobody(own_site: Site) -> None:
    async def ask() -> tuple[int, bytes, int]:
        callers = [own_site.switchboard.call() for _ in range(TURNS)]
        callers[0].connection.flow.pause_writing()
        for number, caller in enumerate(callers):
            caller.send(to_predict(number))
        statuses = {(await caller.answered())[0].status for caller in callers[1:]}
        before = callers[0].written
        callers[0].connection.flow.resume_writing()
        [late] = await callers[0].answered()
        assert statuses == {200}
        return len(statuses), before, late.status

    assert own_site.run(ask()) == (1, b"", 200)


def test_nothing_is_left_of_them_for_the_garbage_collector(own_site: Site) -> None:
    answers_to(own_site, [to_predict(number) for number in range(TURNS)])
    gc.collect()
    gc.disable()
    try:
        answers_to(own_site, [to_predict(number) for number in range(TURNS)])
        left = [one for one in gc.get_objects() if isinstance(one, Exchange) and one.company]
    finally:
        gc.enable()
    assert left == []
