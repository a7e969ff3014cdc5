"""The engine client with two engines: who is asked, and how little the death of one is noticed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack

import msgspec
import numpy as np
import pytest
from prometheus_client import REGISTRY

from service import errors
from service.catalogue import Offer
from service.client import Answer, EngineClient
from service.client.dispatcher import AHEAD_PICTURES
from service.settings import Settings
from tests.unit.service.conftest import MakeSettings
from tests.unit.service.running import connected, pictures, until
from tests.unit.service.tiny_engine import CNN, PROBED, TinyEngine, classify

NEW = msgspec.structs.replace(CNN, version=2)


@pytest.fixture
def settings(make_settings: MakeSettings) -> Settings:
    return make_settings(engines=2)


@pytest.fixture
def engines(settings: Settings) -> Iterator[list[TinyEngine]]:
    with ExitStack() as stack:
        yield [stack.enter_context(TinyEngine(endpoint, PROBED)) for endpoint in settings.endpoints]


def ask(client: EngineClient, number: int = 1, seed: int = 0, budget_seconds: float = 60.0) -> asyncio.Task[Answer]:
    return asyncio.create_task(client.ask(CNN, pictures(number, seed), budget_seconds))


def right(answer: Answer, number: int = 1, seed: int = 0) -> bool:
    return np.array_equal(answer.probabilities, classify(pictures(number, seed))[0])


async def all_ready(client: EngineClient) -> None:
    await until(lambda: all(link.ready for link in client._dispatcher.links))


async def both_asked(client: EngineClient, engines: list[TinyEngine], number: int = 1) -> list[asyncio.Task[Answer]]:
    """Two requests of `number` pictures that wait, one at each engine."""
    await all_ready(client)
    for engine in engines:
        engine.hold()
    asks = []
    for seed in range(2):
        asks.append(ask(client, number, seed))
        await until(lambda: sum(len(engine.asked) for engine in engines) == len(asks))
    assert [len(engine.asked) for engine in engines] == [1, 1]
    return asks


@pytest.mark.parametrize("number", [1, 100])
def test_work_goes_to_the_engine_with_the_least(settings: Settings, engines: list[TinyEngine], number: int) -> None:
    async def run() -> None:
        async with connected(settings) as client:
            asks = await both_asked(client, engines, number)
            for engine in engines:
                await asyncio.to_thread(engine.release)
            for seed, answer in enumerate(await asyncio.gather(*asks)):
                assert right(answer, number, seed)
            assert [link.pictures for link in client._dispatcher.links] == [0, 0]

    asyncio.run(run())


def test_what_comes_while_both_are_busy_is_gathered(settings: Settings, engines: list[TinyEngine]) -> None:
    async def run() -> None:
        async with connected(settings) as client:
            asks = await both_asked(client, engines)
            asks += [ask(client, 1, seed) for seed in range(2, 7)]
            await asyncio.sleep(0)
            for engine in engines:
                await asyncio.to_thread(engine.release)
            for seed, answer in enumerate(await asyncio.gather(*asks)):
                assert right(answer, 1, seed)

    asyncio.run(run())
    assert sorted(len(asked.images) for engine in engines for asked in engine.asked) == [1, 1, 5]


@pytest.mark.parametrize("number", [1, 100])
def test_when_one_dies_what_it_had_goes_to_the_other_at_once(
    settings: Settings, engines: list[TinyEngine], number: int
) -> None:
    async def run() -> None:
        async with connected(settings) as client:
            asks = await both_asked(client, engines, number)
            await asyncio.to_thread(engines[0].die)
            await until(lambda: not client._dispatcher.links[0].ready)
            assert client.ready
            asks += [ask(client, number, 2)]
            await asyncio.to_thread(engines[1].release)
            for seed, answer in enumerate(await asyncio.gather(*asks)):
                assert right(answer, number, seed)

    asyncio.run(run())


def test_a_call_of_a_signature_is_made_again_at_the_other_too(settings: Settings, engines: list[TinyEngine]) -> None:
    async def run() -> None:
        async with connected(settings) as client:
            await all_ready(client)
            engines[0].hold()
            engines[1].hold()
            call = asyncio.create_task(client.run(PROBED, "filters", {}, (), 60.0))
            await until(lambda: any(engine.called for engine in engines))
            asked, other = sorted(engines, key=lambda engine: not engine.called)
            await asyncio.to_thread(asked.die)
            await asyncio.to_thread(other.wait_for_calls, 1)
            await asyncio.to_thread(other.release)
            assert (await call).tensors

    asyncio.run(run())


def test_what_kills_both_is_503_and_what_was_with_one_of_them_is_answered_by_the_next(
    settings: Settings, engines: list[TinyEngine]
) -> None:
    async def run() -> None:
        async with connected(settings) as client:
            deadly, harmless = await both_asked(client, engines, 100)
            await asyncio.to_thread(engines[0].die)
            await asyncio.to_thread(engines[1].wait_for, 2)
            await asyncio.to_thread(engines[1].die)
            with pytest.raises(errors.NotReadyError, match="twice"):
                await deadly
            with TinyEngine(settings.endpoints[0], PROBED) as third:
                assert right(await harmless, 100, 1)
                assert len(third.asked) == 1

    asyncio.run(run())


@pytest.mark.parametrize("number", [1, 100])
def test_what_a_silent_one_has_goes_to_the_other(make_settings: MakeSettings, number: int) -> None:
    settings = make_settings(engines=2, engine_timeout_seconds=0.1)

    async def run() -> None:
        with ExitStack() as stack:
            engines = [stack.enter_context(TinyEngine(endpoint, PROBED)) for endpoint in settings.endpoints]
            async with connected(settings) as client:
                asks = await both_asked(client, engines, number)
                engines[1].release()
                engines[0].mute = True
                for seed, answer in enumerate(await asyncio.gather(*asks)):
                    assert right(answer, number, seed)
                await asyncio.to_thread(engines[0].wait_for_cancels, 1)  # should it come to itself
                engines[0].mute = False
                await all_ready(client)

    asyncio.run(run())


def test_one_that_has_missed_a_heartbeat_is_not_asked_while_another_answers_them(make_settings: MakeSettings) -> None:
    settings = make_settings(engines=2, engine_timeout_seconds=600.0)

    async def run() -> None:
        with ExitStack() as stack:
            engines = [stack.enter_context(TinyEngine(endpoint, PROBED)) for endpoint in settings.endpoints]
            async with connected(settings) as client:
                await all_ready(client)
                engines[0].mute = True
                await until(lambda: not client._dispatcher.links[0].is_fresh())
                for seed in range(4):
                    assert right(await client.ask(CNN, pictures(1, seed), 60.0), 1, seed)
                assert not engines[0].asked
                await asyncio.to_thread(engines[1].die)
                await until(lambda: not client._dispatcher.links[1].ready)
                assert right(await client.ask(CNN, pictures(1), 60.0))  # better than nobody
                assert len(engines[0].asked) == 1

    asyncio.run(run())


def test_a_version_is_available_when_one_has_it_and_that_one_is_asked(
    settings: Settings, engines: list[TinyEngine]
) -> None:
    async def run() -> None:
        async with connected(settings) as client:
            await all_ready(client)
            loading = msgspec.structs.replace(NEW, state="loading")
            await asyncio.to_thread(engines[0].serve, CNN, loading, push=True)
            await until(lambda: len(client.catalogue.versions) == 2)
            assert client.catalogue.resolve("cnn").version == 1
            await asyncio.to_thread(engines[1].serve, CNN, NEW, push=True)
            await until(lambda: client.catalogue.resolve("cnn").version == 2)
            for seed in range(4):
                assert right(await client.ask(NEW, pictures(1, seed), 60.0), 1, seed)

    asyncio.run(run())
    assert [len(engine.asked) for engine in engines] == [0, 4]


def test_who_does_not_have_it_after_all_is_passed_over(settings: Settings, engines: list[TinyEngine]) -> None:
    async def run() -> None:
        async with connected(settings) as client:
            await all_ready(client)
            engines[0].refusal = ("unknown_version", "it has just left")
            asks = [ask(client, 1, 0), ask(client, 100, 1), ask(client, 1, 2)]
            for number, (seed, answer) in zip((1, 100, 1), enumerate(await asyncio.gather(*asks)), strict=True):
                assert right(answer, number, seed)
            engines[1].refusal = engines[0].refusal
            with pytest.raises(errors.UnknownVersionError):
                await client.ask(CNN, pictures(1), 60.0)

    asyncio.run(run())


def test_the_catalogues_are_one_which_stays_the_same_object_until_one_of_them_changes(
    settings: Settings, engines: list[TinyEngine]
) -> None:
    async def run() -> None:
        async with connected(settings) as client:
            await all_ready(client)
            before = client.catalogue
            for engine in engines:
                await asyncio.to_thread(engine.wait_for_pings, 3)
            assert client.catalogue is before
            seen = {before.revision}
            offer = Offer(labels={"stable": 1})
            for engine in engines:
                await asyncio.to_thread(engine.serve, PROBED, offers={"cnn": offer}, push=True)
                await until(lambda: client.catalogue.revision not in seen)
                seen.add(client.catalogue.revision)
            assert client.catalogue.offer("cnn") == offer
            assert [v.version for v in client.catalogue.versions] == [1]
            await asyncio.to_thread(engines[0].die)
            await until(lambda: client.catalogue == engines[1].catalogue)

    asyncio.run(run())


def test_each_has_a_gauge(settings: Settings, engines: list[TinyEngine]) -> None:
    def up(endpoint: str) -> float | None:
        return REGISTRY.get_sample_value("digits_engine_up", {"endpoint": endpoint})

    async def run() -> None:
        async with connected(settings) as client:
            await all_ready(client)
            assert [up(endpoint) for endpoint in settings.endpoints] == [1.0, 1.0]
            await asyncio.to_thread(engines[1].die)
            await until(lambda: up(settings.endpoints[1]) == 0.0)
            assert up(settings.endpoints[0]) == 1.0

    asyncio.run(run())


def test_a_second_message_to_one_engine_does_not_hide_that_the_other_is_free(
    settings: Settings, engines: list[TinyEngine]
) -> None:
    async def run() -> None:
        async with connected(settings) as client:
            await both_asked(client, engines)
            ahead = [ask(client, 1, seed) for seed in range(AHEAD_PICTURES)]
            await until(lambda: sum(len(engine.asked) for engine in engines) == 3)
            twice = max(engines, key=lambda engine: len(engine.asked))
            (free,) = (engine for engine in engines if engine is not twice)
            await asyncio.to_thread(free.release)
            await until(lambda: sum(link.pictures for link in client._dispatcher.links) == 1 + AHEAD_PICTURES)
            assert right(await asyncio.wait_for(ask(client, 1, 7), 10.0), 1, 7)
            await asyncio.to_thread(twice.release)
            await asyncio.gather(*ahead)

    asyncio.run(run())
