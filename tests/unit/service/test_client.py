"""The engine client against an engine that is there: limits, deadlines, answers that are none."""

from __future__ import annotations

import asyncio
import threading

import msgspec
import numpy as np
import pytest

from service import errors, wire
from service.client import BULK_PICTURES, Answer, EngineClient
from service.settings import Settings
from tests.unit.service.conftest import MakeSettings
from tests.unit.service.running import connected, pictures, until
from tests.unit.service.tiny_engine import CNN, INFERENCE_SECONDS, TinyEngine, classify

OTHER = msgspec.structs.replace(CNN, name="mlp", version=3)


async def started(*asks: asyncio.Task[Answer]) -> None:
    """Let tasks run up to their first wait."""
    await asyncio.sleep(0)
    assert not any(ask.done() for ask in asks)


def ask(client: EngineClient, number: int = 1, seed: int = 0, budget_seconds: float = 60.0) -> asyncio.Task[Answer]:
    return asyncio.create_task(client.ask(CNN, pictures(number, seed), budget_seconds))


@pytest.mark.parametrize("number", [1, 2, BULK_PICTURES, BULK_PICTURES + 1, 1000])
def test_pictures_in_probabilities_out(settings: Settings, engine: TinyEngine, number: int) -> None:
    async def run() -> Answer:
        async with connected(settings) as client:
            return await client.ask(CNN, pictures(number), 60.0)

    answer = asyncio.run(run())
    probabilities, energy = classify(pictures(number))
    assert np.array_equal(answer.probabilities, probabilities)
    assert np.array_equal(answer.energy, energy)
    assert answer.inference_seconds == INFERENCE_SECONDS
    assert answer.queue_seconds == 0.0
    assert [len(asked.images) for asked in engine.asked] == [number]


def test_what_the_engine_is_told(settings: Settings, engine: TinyEngine) -> None:
    engine.serve(CNN, OTHER)

    async def run() -> None:
        async with connected(settings) as client:
            await client.ask(OTHER, pictures(2), 30.0)

    asyncio.run(run())
    [asked] = engine.asked
    assert (asked.header.model, asked.header.version) == ("mlp", 3)
    assert 0 < asked.header.budget_seconds <= 30.0
    assert np.array_equal(asked.images, pictures(2))


def test_the_rest_of_the_time_is_queueing(settings: Settings, engine: TinyEngine) -> None:
    def no_time_at_all(frames: list[bytes]) -> list[bytes]:
        answer = wire.decode_from_engine(frames[0])
        assert isinstance(answer, wire.Predicted)
        return [wire.encode(msgspec.structs.replace(answer, inference_seconds=0.0)), *frames[1:]]

    engine.distort = no_time_at_all

    async def run() -> tuple[Answer, float]:
        async with connected(settings) as client:
            before = asyncio.get_running_loop().time()
            answer = await client.ask(CNN, pictures(1), 60.0)
            return answer, asyncio.get_running_loop().time() - before

    answer, took_seconds = asyncio.run(run())
    assert answer.inference_seconds == 0.0
    assert 0 < answer.queue_seconds <= took_seconds


def test_past_the_deadline_is_504_and_the_late_answer_harms_nobody(settings: Settings, engine: TinyEngine) -> None:
    async def run() -> None:
        async with connected(settings) as client:
            engine.hold()
            with pytest.raises(errors.DeadlineExceededError, match=r"no answer within 0\.001 s"):
                await client.ask(CNN, pictures(1), 0.001)
            patient = ask(client, 1, 7)
            await started(patient)
            await asyncio.to_thread(engine.release)
            answer = await patient
            assert np.array_equal(answer.probabilities, classify(pictures(1, 7))[0])

    asyncio.run(run())


def test_work_that_expired_while_it_waited_here_is_never_sent(settings: Settings, engine: TinyEngine) -> None:
    async def run() -> None:
        async with connected(settings) as client:
            engine.hold()
            first = ask(client, 1, 0)
            await asyncio.to_thread(engine.wait_for, 1)
            late = ask(client, 1, 1, budget_seconds=0.001)
            with pytest.raises(errors.DeadlineExceededError):
                await late
            second = ask(client, 1, 2)
            await started(second)
            await asyncio.to_thread(engine.release)
            await asyncio.gather(first, second)

    asyncio.run(run())
    assert [asked.images.tobytes() for asked in engine.asked] == [pictures(1, seed).tobytes() for seed in (0, 2)]


def test_work_whose_caller_has_gone_is_never_sent(settings: Settings, engine: TinyEngine) -> None:
    async def run() -> None:
        async with connected(settings) as client:
            engine.hold()
            first = ask(client, 1, 0)
            await asyncio.to_thread(engine.wait_for, 1)
            gone, stays = ask(client, 1, 1), ask(client, 1, 2)
            await started(gone, stays)
            gone.cancel()
            await asyncio.to_thread(engine.release)
            await asyncio.gather(first, stays)
            assert gone.cancelled()

    asyncio.run(run())
    assert [asked.images.tobytes() for asked in engine.asked] == [pictures(1, seed).tobytes() for seed in (0, 2)]


def test_an_answer_that_was_lost_holds_up_nobody_after_its_deadline(settings: Settings, engine: TinyEngine) -> None:
    async def run() -> None:
        async with connected(settings) as client:
            engine.distort = lambda _: []
            with pytest.raises(errors.DeadlineExceededError):
                await client.ask(CNN, pictures(1), 0.001)
            engine.distort = list
            await client.ask(CNN, pictures(1), 60.0)
            assert not client._dispatcher.links[0].flights

    asyncio.run(run())


def test_a_full_queue_refuses_at_once_and_frees_itself(make_settings: MakeSettings, engine: TinyEngine) -> None:
    async def run() -> None:
        async with connected(make_settings(queue_limit=100, max_pictures=100)) as client:
            engine.hold()
            asks = [ask(client, 1), ask(client, 70), ask(client, 29)]
            await started(*asks)
            with pytest.raises(errors.QueueFullError) as refused:
                await client.ask(CNN, pictures(1), 60.0)
            assert refused.value.retry_after_seconds == 1
            await asyncio.to_thread(engine.release)
            await asyncio.gather(*asks)
            with pytest.raises(errors.QueueFullError):
                await client.ask(CNN, pictures(101), 60.0)
            await client.ask(CNN, pictures(100), 60.0)

    asyncio.run(run())


def test_deadlines_and_callers_that_left_free_the_queue_too(make_settings: MakeSettings, engine: TinyEngine) -> None:
    async def run() -> None:
        async with connected(make_settings(queue_limit=10, max_pictures=10)) as client:
            engine.hold()
            with pytest.raises(errors.DeadlineExceededError):
                await client.ask(CNN, pictures(10), 0.001)
            gone = ask(client, 10)
            await started(gone)
            gone.cancel()
            await until(gone.done)
            stays = ask(client, 10)
            await started(stays)
            await asyncio.to_thread(engine.release)
            await stays

    asyncio.run(run())


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("queue_full", errors.QueueFullError),
        ("deadline_exceeded", errors.DeadlineExceededError),
        ("wrong_shape", errors.WrongShapeError),
        ("unknown_version", errors.UnknownVersionError),
        ("internal_error", errors.InternalError),
        ("a reason of next year's engine", errors.InternalError),
    ],
)
def test_the_engines_refusals_by_name(
    settings: Settings, engine: TinyEngine, reason: str, expected: type[errors.ServiceError]
) -> None:
    engine.refusal = (reason, "no")

    async def run() -> None:
        async with connected(settings) as client:
            with pytest.raises(errors.ServiceError, match="^no$") as refused:
                await client.ask(CNN, pictures(1), 60.0)
            assert type(refused.value) is expected
            assert (refused.value.retry_after_seconds is not None) == (expected is errors.QueueFullError)
            engine.refusal = None
            await client.ask(CNN, pictures(1), 60.0)

    asyncio.run(run())


BROKEN = {
    "a row too few": lambda frames: [frames[0], frames[1][:-40], frames[2]],
    "an energy too few": lambda frames: [frames[0], frames[1], frames[2][:-4]],
    "an energy too many": lambda frames: [frames[0], frames[1], frames[2] + bytes(4)],
    "half a number": lambda frames: [frames[0], frames[1], frames[2][:-2]],
    "no energies": lambda frames: frames[:2],
    "nothing but a header": lambda frames: frames[:1],
}


@pytest.mark.parametrize("number", [3, BULK_PICTURES + 1])
@pytest.mark.parametrize("fault", BROKEN)
def test_an_answer_of_another_length_is_500_and_the_client_lives_on(
    settings: Settings, engine: TinyEngine, fault: str, number: int
) -> None:
    async def run() -> None:
        async with connected(settings) as client:
            engine.distort = BROKEN[fault]
            with pytest.raises(errors.InternalError, match="another number of answers"):
                await client.ask(CNN, pictures(number), 60.0)
            engine.distort = list
            answer = await client.ask(CNN, pictures(number), 60.0)
            assert len(answer.energy) == number

    asyncio.run(run())


def test_a_message_that_is_none_is_passed_over(settings: Settings, engine: TinyEngine) -> None:
    async def run() -> None:
        async with connected(settings) as client:
            engine.distort = lambda frames: [b"\xc1 is not MessagePack", *frames[1:]]
            with pytest.raises(errors.DeadlineExceededError):
                await client.ask(CNN, pictures(1), 0.001)
            engine.distort = list
            assert len((await client.ask(CNN, pictures(1), 60.0)).energy) == 1

    asyncio.run(run())


def test_a_thread_asks_the_loop(settings: Settings, engine: TinyEngine) -> None:
    async def run() -> None:
        async with connected(settings) as client:

            def in_a_thread(number: int, seed: int) -> Answer:
                return client.from_thread(client.ask(CNN, pictures(number, seed), 60.0))

            answers = await asyncio.gather(*(asyncio.to_thread(in_a_thread, 2, seed) for seed in range(4)))
            for seed, answer in enumerate(answers):
                assert np.array_equal(answer.probabilities, classify(pictures(2, seed))[0])
            with pytest.raises(errors.QueueFullError):
                await asyncio.to_thread(in_a_thread, 40_000, 0)

    asyncio.run(run())


def test_stop_tells_all_who_wait_and_leaves_nothing_behind(settings: Settings, engine: TinyEngine) -> None:
    async def run() -> None:
        async with connected(settings) as client:
            channels = [link._channel for link in client._dispatcher.links]
            engine.hold()
            asks = [ask(client, 1)]
            await asyncio.to_thread(engine.wait_for, 1)
            asks += [ask(client, 1), ask(client, 200)]
            await started(*asks)
            await client.stop()
            for outcome in await asyncio.gather(*asks, return_exceptions=True):
                assert isinstance(outcome, errors.NotReadyError)
                assert outcome.retry_after_seconds is not None
            assert not client.ready
            with pytest.raises(errors.NotReadyError):
                await client.ask(CNN, pictures(1), 60.0)
            assert asyncio.all_tasks() == {asyncio.current_task()}
            assert [channel.fileno() for channel in channels if channel is not None] == [-1]
            await client.stop()  # a second time changes nothing

    threads_before = threading.active_count()
    asyncio.run(run())
    assert threading.active_count() == threads_before


def test_stop_before_start(settings: Settings) -> None:
    asyncio.run(EngineClient(settings).stop())
