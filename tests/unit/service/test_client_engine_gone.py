"""The engine client while engines come and go: what is retried, what is refused, and when it believes in one."""

from __future__ import annotations

import asyncio

import msgspec
import numpy as np
import pytest
from prometheus_client import REGISTRY

from service import errors
from service.client import Answer, EngineClient
from service.settings import Settings
from tests.unit.service.conftest import MakeSettings
from tests.unit.service.running import connected, pictures, until
from tests.unit.service.tiny_engine import CNN, TinyEngine, classify

OTHER = msgspec.structs.replace(CNN, name="mlp")


def ask(client: EngineClient, number: int = 1, seed: int = 0, budget_seconds: float = 60.0) -> asyncio.Task[Answer]:
    return asyncio.create_task(client.ask(CNN, pictures(number, seed), budget_seconds))


def right(answer: Answer, number: int = 1, seed: int = 0) -> bool:
    return np.array_equal(answer.probabilities, classify(pictures(number, seed))[0])


def test_without_an_engine_everything_is_refused_at_once(settings: Settings) -> None:
    async def run() -> None:
        client = EngineClient(settings)
        await client.start()
        try:
            assert not client.ready
            with pytest.raises(errors.NotReadyError, match="starting") as unknown:
                _ = client.catalogue
            with pytest.raises(errors.NotReadyError) as refused:
                await client.ask(CNN, pictures(1), 60.0)
            assert unknown.value.retry_after_seconds
            assert refused.value.retry_after_seconds
            with TinyEngine(settings.endpoint) as engine:
                await until(lambda: client.ready)
                assert client.catalogue == engine.catalogue
                assert right(await client.ask(CNN, pictures(1), 60.0))
        finally:
            await client.stop()

    asyncio.run(run())


def test_an_engine_that_still_loads_is_heard_of_and_not_asked(settings: Settings) -> None:
    loading = msgspec.structs.replace(CNN, state="loading", card={})

    async def run() -> None:
        with TinyEngine(settings.endpoint, loading, ready=False) as engine:
            client = EngineClient(settings)
            await client.start()
            try:
                await until(lambda: client._dispatcher.catalogue is not None)
                assert not client.ready
                with pytest.raises(errors.NotReadyError):
                    await client.ask(CNN, pictures(1), 60.0)
                engine.serve(CNN)
                await until(lambda: client.ready)
                assert right(await client.ask(CNN, pictures(1), 60.0))
            finally:
                await client.stop()
            assert len(engine.asked) == 1

    asyncio.run(run())


def pings_without_news(engine: TinyEngine) -> None:
    """Block until three heartbeats in a row were answered without a catalogue; some may have been sent before it came."""
    sent = -1
    while engine.catalogues_sent != sent:
        sent = engine.catalogues_sent
        engine.wait_for_pings(3)


def test_the_catalogue_travels_when_it_has_changed_and_only_then(settings: Settings, engine: TinyEngine) -> None:
    async def run() -> None:
        async with connected(settings) as client:
            await asyncio.to_thread(pings_without_news, engine)
            sent = engine.catalogues_sent
            await asyncio.to_thread(engine.serve, CNN, OTHER)
            await until(lambda: len(client.catalogue.versions) == 2)
            assert engine.catalogues_sent > sent
            await asyncio.to_thread(pings_without_news, engine)

    asyncio.run(run())


def test_what_was_in_flight_or_waited_is_answered_by_the_next_engine(settings: Settings, engine: TinyEngine) -> None:
    async def run() -> None:
        async with connected(settings) as client:
            engine.hold()
            asks = [ask(client, 1, 0)]
            await asyncio.to_thread(engine.wait_for, 1)
            asks += [ask(client, 2, 1), ask(client, 100, 2), ask(client, 3, 3)]
            await asyncio.to_thread(engine.wait_for, 2)
            await asyncio.to_thread(engine.die)
            await until(lambda: not client.ready)
            with pytest.raises(errors.NotReadyError) as refused:
                await client.ask(CNN, pictures(1), 60.0)
            assert refused.value.retry_after_seconds
            with TinyEngine(settings.endpoint) as second:
                answers = await asyncio.gather(*asks)
            for seed, (answer, number) in enumerate(zip(answers, (1, 2, 100, 3), strict=True)):
                assert right(answer, number, seed)
            assert sorted(len(asked.images) for asked in second.asked) == [6, 100]

    asyncio.run(run())


def test_what_kills_two_engines_kills_no_third(settings: Settings, engine: TinyEngine) -> None:
    async def run() -> None:
        async with connected(settings) as client:
            engine.hold()
            deadly = [ask(client, 1), ask(client, 100)]
            await asyncio.to_thread(engine.wait_for, 2)
            await asyncio.to_thread(engine.die)
            await until(lambda: not client.ready)
            with TinyEngine(settings.endpoint) as second:
                second.hold()
                await asyncio.to_thread(second.wait_for, 2)
                harmless = ask(client, 2, seed=5)
                await asyncio.sleep(0)
            for outcome in await asyncio.gather(*deadly, return_exceptions=True):
                assert isinstance(outcome, errors.NotReadyError)
                assert "twice" in outcome.message
            assert not harmless.done()
            with TinyEngine(settings.endpoint) as third:
                assert right(await harmless, 2, seed=5)
            assert [len(asked.images) for asked in third.asked] == [2]

    asyncio.run(run())


def test_when_no_other_engine_comes_in_time_it_is_503(settings: Settings, engine: TinyEngine) -> None:
    async def run() -> None:
        async with connected(settings) as client:
            engine.hold()
            waiting = [ask(client, 1, budget_seconds=0.3), ask(client, 100, budget_seconds=0.3)]
            await asyncio.to_thread(engine.wait_for, 2)
            await asyncio.to_thread(engine.die)
            for outcome in await asyncio.gather(*waiting, return_exceptions=True):
                assert isinstance(outcome, errors.NotReadyError)
                assert outcome.retry_after_seconds
            assert not client.ready

    asyncio.run(run())


def test_what_was_accepted_before_the_death_was_noticed_waits_for_the_next(
    settings: Settings, engine: TinyEngine
) -> None:
    async def run() -> None:
        async with connected(settings) as client:
            engine.hold()
            asks = [ask(client, 1, 1), ask(client, 200, 2)]
            await asyncio.sleep(0)  # accepted; the small one is sent in the loop's next turn
            engine.die()  # the loop stands still meanwhile
            assert client.ready
            await until(lambda: not client.ready)
            with TinyEngine(settings.endpoint):
                answers = await asyncio.gather(*asks)
            assert right(answers[0], 1, 1)
            assert right(answers[1], 200, 2)

    asyncio.run(run())


def test_the_last_word_of_an_engine_that_has_gone_brings_nobody_back(settings: Settings, engine: TinyEngine) -> None:
    async def run() -> None:
        async with connected(settings) as client:
            engine.hold()
            waiting = ask(client)
            await asyncio.to_thread(engine.wait_for, 1)
            engine.serve(CNN, OTHER, push=True)
            engine.die()  # this loop reads the word and the end at once
            await until(lambda: not client.ready)
            assert len(client.catalogue.versions) == 2
            with TinyEngine(settings.endpoint):
                assert right(await waiting)

    asyncio.run(run())


def test_an_engine_that_was_replaced_behind_its_address_is_another_engine(
    settings: Settings, engine: TinyEngine
) -> None:
    async def run() -> None:
        async with connected(settings) as client:
            engine.hold()
            asks = [ask(client, 1, 1), ask(client, 200, 2)]
            await asyncio.to_thread(engine.wait_for, 2)
            await asyncio.to_thread(engine.be_replaced)
            answers = await asyncio.gather(*asks)
            assert right(answers[0], 1, 1)
            assert right(answers[1], 200, 2)

    asyncio.run(run())


def test_stop_tells_those_too_who_wait_for_the_next_engine(settings: Settings, engine: TinyEngine) -> None:
    async def run() -> None:
        async with connected(settings) as client:
            engine.hold()
            asks = [ask(client, 1), ask(client, 200)]
            await asyncio.to_thread(engine.wait_for, 2)
            await asyncio.to_thread(engine.die)
            await until(lambda: not client.ready)
            await client.stop()
            for outcome in await asyncio.gather(*asks, return_exceptions=True):
                assert isinstance(outcome, errors.NotReadyError)
                assert "stopping" in outcome.message

    asyncio.run(run())


def test_a_retry_waits_until_the_new_engine_has_loaded_its_model(settings: Settings, engine: TinyEngine) -> None:
    engine.serve(CNN, OTHER)

    async def run() -> None:
        async with connected(settings) as client:
            engine.hold()
            for_other = asyncio.create_task(client.ask(OTHER, pictures(1, 1), 60.0))
            await asyncio.to_thread(engine.wait_for, 1)
            gathered = asyncio.create_task(client.ask(OTHER, pictures(1, 2), 60.0))
            bulk = asyncio.create_task(client.ask(OTHER, pictures(100, 3), 60.0))
            await asyncio.to_thread(engine.wait_for, 2)
            await asyncio.to_thread(engine.die)
            await until(lambda: not client.ready)
            with TinyEngine(settings.endpoint, CNN, msgspec.structs.replace(OTHER, state="loading")) as second:
                await until(lambda: client.ready)
                await client.ask(CNN, pictures(1), 60.0)
                assert [asked.header.model for asked in second.asked] == ["cnn"]
                await asyncio.to_thread(second.serve, CNN, OTHER)
                assert right(await for_other, 1, 1)
                assert right(await gathered, 1, 2)
                assert right(await bulk, 100, 3)

    asyncio.run(run())


def test_a_retry_for_a_version_that_has_left_is_404(settings: Settings, engine: TinyEngine) -> None:
    engine.serve(CNN, OTHER)

    async def run() -> None:
        async with connected(settings) as client:
            engine.hold()
            waiting = asyncio.create_task(client.ask(OTHER, pictures(1), 60.0))
            await asyncio.to_thread(engine.wait_for, 1)
            await asyncio.to_thread(engine.die)
            await until(lambda: not client.ready)
            with TinyEngine(settings.endpoint, CNN), pytest.raises(errors.UnknownVersionError):
                await waiting

    asyncio.run(run())


def test_a_silent_engine_counts_as_not_ready_until_it_speaks_again(
    make_settings: MakeSettings, engine: TinyEngine
) -> None:
    async def run() -> None:
        async with connected(make_settings(engine_timeout_seconds=0.05)) as client:
            engine.hold()
            waiting = ask(client)
            await asyncio.to_thread(engine.wait_for, 1)
            engine.mute = True
            await until(lambda: not client.ready)
            with pytest.raises(errors.NotReadyError):
                await client.ask(CNN, pictures(1), 60.0)
            assert not waiting.done()
            engine.mute = False
            await until(lambda: client.ready)
            await asyncio.to_thread(engine.release)
            assert right(await waiting)
            assert len(engine.asked) == 1  # it was never lost, so it was not sent again

    asyncio.run(run())


def test_the_gauge_follows(settings: Settings, engine: TinyEngine) -> None:
    def up() -> float | None:
        return REGISTRY.get_sample_value("digits_engine_up", {"endpoint": settings.endpoint})

    async def run() -> None:
        async with connected(settings):
            assert up() == 1.0
            engine.die()
            await until(lambda: up() == 0.0)

    asyncio.run(run())


@pytest.mark.parametrize("deaths", [3])
def test_one_client_outlives_many_engines(settings: Settings, deaths: int) -> None:
    async def run() -> None:
        client = EngineClient(settings)
        await client.start()
        try:
            for seed in range(deaths):
                with TinyEngine(settings.endpoint) as engine:
                    await until(lambda: client.ready)
                    assert client.catalogue.engine_id == engine.catalogue.engine_id
                    assert right(await client.ask(CNN, pictures(1, seed), 60.0), 1, seed)
                await until(lambda: not client.ready)
        finally:
            await client.stop()

    asyncio.run(run())
