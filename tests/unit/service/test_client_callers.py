"""The engine client when callers leave, deadlines pass, and catalogues are pushed: what is dropped, said and counted."""

from __future__ import annotations

import asyncio

import msgspec
import numpy as np
import pytest
from prometheus_client import REGISTRY

from service import errors
from service.client import BULK_PICTURES, Answer, EngineClient
from service.settings import Settings
from tests.unit.service.conftest import MakeSettings
from tests.unit.service.running import connected, pictures, until
from tests.unit.service.tiny_engine import CNN, PROBED, TinyEngine, classify


def ask(client: EngineClient, number: int = 1, seed: int = 0, budget_seconds: float = 60.0) -> asyncio.Task[Answer]:
    return asyncio.create_task(client.ask(CNN, pictures(number, seed), budget_seconds))


def dropped(reason: str) -> float:
    return REGISTRY.get_sample_value("digits_dropped_pictures_total", {"reason": reason}) or 0.0


@pytest.fixture
def before() -> dict[str, float]:
    return {reason: dropped(reason) for reason in ("client_gone", "deadline")}


@pytest.mark.parametrize("number", [1, BULK_PICTURES + 1])
def test_what_was_sent_for_a_caller_that_has_gone_is_cancelled_and_its_lane_moves_on(
    settings: Settings, engine: TinyEngine, before: dict[str, float], number: int
) -> None:
    async def run() -> None:
        async with connected(settings) as client:
            engine.hold()
            gone = ask(client, number)
            await asyncio.to_thread(engine.wait_for, 1)
            next_one = ask(client, 2, seed=1)
            await asyncio.sleep(0)
            gone.cancel()
            await asyncio.to_thread(engine.wait_for_cancels, 1)
            await asyncio.to_thread(engine.wait_for, 2)  # though nothing has been answered yet
            await asyncio.to_thread(engine.release)
            assert np.array_equal((await next_one).probabilities, classify(pictures(2, 1))[0])
            assert gone.cancelled()
            assert not client._dispatcher.links[0].flights

    asyncio.run(run())
    assert engine.cancelled == [engine.asked[0].header.id]
    assert dropped("client_gone") == before["client_gone"]  # the engine counts what had reached it


def test_what_others_of_the_same_message_wait_for_is_not_cancelled_until_all_have_gone(
    settings: Settings, engine: TinyEngine
) -> None:
    async def run() -> None:
        async with connected(settings) as client:
            engine.hold()
            first, second = ask(client, 1, 0), ask(client, 1, 1)
            await asyncio.to_thread(engine.wait_for, 1)
            first.cancel()
            await until(first.done)
            assert not engine.cancelled
            second.cancel()
            await asyncio.to_thread(engine.wait_for_cancels, 1)

    asyncio.run(run())
    assert [len(asked.images) for asked in engine.asked] == [2]


def test_what_had_not_been_sent_is_dropped_and_counted_here(
    settings: Settings, engine: TinyEngine, before: dict[str, float]
) -> None:
    async def run() -> None:
        async with connected(settings) as client:
            engine.hold()
            first = ask(client)
            await asyncio.to_thread(engine.wait_for, 1)
            gone = ask(client, 3)
            await asyncio.sleep(0)
            gone.cancel()
            with pytest.raises(errors.DeadlineExceededError):
                await client.ask(CNN, pictures(5), 0.001)
            await asyncio.to_thread(engine.release)
            await first
            await client.ask(CNN, pictures(1), 60.0)

    asyncio.run(run())
    assert dropped("client_gone") == before["client_gone"] + 3
    assert dropped("deadline") == before["deadline"] + 5
    assert [len(asked.images) for asked in engine.asked] == [1, 1]
    assert not engine.cancelled


def test_a_caller_that_leaves_frees_its_place_in_the_queue_at_once(
    make_settings: MakeSettings, engine: TinyEngine
) -> None:
    async def run() -> None:
        async with connected(make_settings(queue_limit=10, max_pictures=10)) as client:
            engine.hold()
            gone = ask(client, 10)
            await asyncio.to_thread(engine.wait_for, 1)
            with pytest.raises(errors.QueueFullError):
                await client.ask(CNN, pictures(1), 60.0)
            gone.cancel()
            await until(gone.done)
            stays = ask(client, 10, seed=1)
            await asyncio.to_thread(engine.release)
            assert np.array_equal((await stays).probabilities, classify(pictures(10, 1))[0])

    asyncio.run(run())


def test_a_call_whose_caller_has_gone_is_cancelled_too(settings: Settings) -> None:
    async def run() -> None:
        async with connected(settings) as client:
            engine.hold()
            gone = asyncio.create_task(client.run(PROBED, "filters", {}, (), 60.0))
            await asyncio.to_thread(engine.wait_for_calls, 1)
            gone.cancel()
            await asyncio.to_thread(engine.wait_for_cancels, 1)
            assert not client._dispatcher.links[0].flights

    with TinyEngine(settings.endpoint, PROBED) as engine:
        asyncio.run(run())
    assert engine.cancelled == [engine.called[0].header.id]


def test_past_the_deadline_at_an_engine_that_answers_no_heartbeat_it_is_503(
    settings: Settings, engine: TinyEngine
) -> None:
    async def run() -> None:
        async with connected(settings) as client:
            engine.hold()
            engine.mute = True
            waiting = [ask(client, 1, 0, 0.3), ask(client, 100, 1, 0.3)]
            await asyncio.to_thread(engine.wait_for, 2)
            waiting.append(ask(client, 1, 2, 0.3))
            for outcome in await asyncio.gather(*waiting, return_exceptions=True):
                assert isinstance(outcome, errors.NotReadyError)
                assert outcome.retry_after_seconds

    asyncio.run(run())


def test_bulk_is_marked_as_such_and_what_was_gathered_is_not(settings: Settings, engine: TinyEngine) -> None:
    async def run() -> None:
        async with connected(settings) as client:
            await client.ask(CNN, pictures(BULK_PICTURES + 1), 60.0)
            await asyncio.gather(*(ask(client, BULK_PICTURES, seed) for seed in range(3)))

    asyncio.run(run())
    assert [(len(asked.images), asked.header.bulk) for asked in engine.asked] == [
        (BULK_PICTURES + 1, True),
        (3 * BULK_PICTURES, False),
    ]


# --- catalogues


def test_a_catalogue_that_is_pushed_is_taken_and_acknowledged_at_once(
    make_settings: MakeSettings, engine: TinyEngine
) -> None:
    """The heartbeat is too slow to have done it."""

    async def run() -> None:
        async with connected(make_settings(engine_heartbeat_seconds=600.0, engine_timeout_seconds=3600.0)) as client:
            new = msgspec.structs.replace(CNN, version=2)
            await asyncio.to_thread(engine.serve, CNN, new, push=True)
            await asyncio.to_thread(engine.wait_until_known)
            await until(lambda: client.catalogue.resolve("cnn").version == 2)

    asyncio.run(run())


def test_the_catalogue_is_the_same_object_until_it_changes(settings: Settings, engine: TinyEngine) -> None:
    async def run() -> None:
        async with connected(settings) as client:
            before = client.catalogue
            await asyncio.to_thread(engine.wait_for_pings, 3)
            assert client.catalogue is before
            await asyncio.to_thread(engine.serve, CNN, PROBED, push=True)
            await until(lambda: client.catalogue is not before)
            assert client.catalogue.revision != before.revision

    asyncio.run(run())


def test_a_start_hears_from_an_engine_that_is_there_before_it_returns(settings: Settings, engine: TinyEngine) -> None:
    async def run() -> None:
        client = EngineClient(settings)
        await client.start()
        try:
            assert client.ready
            assert client.catalogue == engine.catalogue
        finally:
            await client.stop()

    asyncio.run(run())
