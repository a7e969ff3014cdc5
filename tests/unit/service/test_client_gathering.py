"""What a client sends together, what waits for what, and how answers that came together are handed out."""

from __future__ import annotations

import asyncio
from itertools import accumulate, pairwise

import msgspec
import numpy as np
import pytest

from service.client import BULK_PICTURES, Answer
from service.client.dispatcher import AHEAD_PICTURES, HANDED_OUT, SOON_DONE_PICTURES
from service.settings import Settings
from tests.unit.service.running import connected, pictures
from tests.unit.service.test_client import ask, started
from tests.unit.service.tiny_engine import CNN, TinyEngine, classify

OTHER = msgspec.structs.replace(CNN, name="mlp", version=3)


def test_requests_of_one_turn_of_the_loop_travel_together(settings: Settings, engine: TinyEngine) -> None:
    async def run() -> list[Answer]:
        async with connected(settings) as client:
            return await asyncio.gather(*(client.ask(CNN, pictures(1, seed), 60.0) for seed in range(5)))

    answers = asyncio.run(run())
    assert [len(asked.images) for asked in engine.asked] == [5]
    for seed, answer in enumerate(answers):
        assert np.array_equal(answer.probabilities, classify(pictures(1, seed))[0])


def test_many_answers_that_came_together_are_handed_out_a_few_in_each_turn(
    settings: Settings, engine: TinyEngine
) -> None:
    sizes = [1 + seed % 3 for seed in range(HANDED_OUT)]
    number, pictures_by_then = len(sizes), list(accumulate(sizes))

    async def run() -> tuple[list[int], list[Answer]]:
        async with connected(settings) as client:
            asks = [ask(client, size, seed) for seed, size in enumerate(sizes)]
            counts = [0]
            while counts[-1] < number:
                await asyncio.sleep(0)
                done = sum(one.done() for one in asks)
                if done != counts[-1]:
                    counts.append(done)
            return counts, [one.result() for one in asks]

    counts, answers = asyncio.run(run())
    assert len(engine.asked) == 1
    handed_out = [0, *(pictures_by_then[count - 1] for count in counts[1:])]
    assert handed_out[-1] == sum(sizes)
    for before, after in pairwise(handed_out[:-1]):
        assert HANDED_OUT <= after - before < HANDED_OUT + max(sizes)
    assert 0 < handed_out[-1] - handed_out[-2] < HANDED_OUT + max(sizes)
    for seed, (size, answer) in enumerate(zip(sizes, answers, strict=True)):
        assert np.array_equal(answer.probabilities, classify(pictures(size, seed))[0])


def test_what_comes_while_a_message_is_in_flight_becomes_one_further_message(
    settings: Settings, engine: TinyEngine
) -> None:
    async def run() -> list[Answer]:
        async with connected(settings) as client:
            engine.hold()
            asks = [ask(client, 1, 0)]
            await asyncio.to_thread(engine.wait_for, 1)
            for seed, size in enumerate(sizes, 1):
                asks.append(ask(client, size, seed))
                await started(*asks)
            await asyncio.to_thread(engine.release)
            return await asyncio.gather(*asks)

    sizes = [1, 3, 2, 1]
    assert sum(sizes) < AHEAD_PICTURES
    answers = asyncio.run(run())
    assert len(engine.asked) == 2
    for seed, (size, answer) in enumerate(zip([1, *sizes], answers, strict=True)):
        sent = pictures(size, seed)
        assert np.array_equal(answer.probabilities, classify(sent)[0])
        assert np.array_equal(answer.energy, classify(sent)[1])


@pytest.mark.parametrize(
    ("first", "messages"),
    [
        (1, [1, AHEAD_PICTURES, AHEAD_PICTURES + 1]),
        (SOON_DONE_PICTURES - 1, [SOON_DONE_PICTURES - 1, AHEAD_PICTURES, AHEAD_PICTURES + 1]),
        (SOON_DONE_PICTURES, [SOON_DONE_PICTURES, 2 * AHEAD_PICTURES + 1]),
    ],
)
def test_an_engine_that_is_soon_done_has_its_next_message_already(
    settings: Settings, engine: TinyEngine, first: int, messages: list[int]
) -> None:
    async def run() -> None:
        async with connected(settings) as client:
            engine.hold()
            asks = [ask(client, first, 0)]
            await asyncio.to_thread(engine.wait_for, 1)
            for seed in range(2 * AHEAD_PICTURES + 1):
                asks.append(ask(client, 1, seed))
                for _ in range(3):
                    await asyncio.sleep(0)
            if len(messages) > 2:
                await asyncio.to_thread(engine.wait_for, 2)
            await asyncio.to_thread(engine.release)
            await asyncio.gather(*asks)

    asyncio.run(run())
    assert [len(asked.images) for asked in engine.asked] == messages


def test_the_gathered_message_has_the_longest_budget_of_those_in_it(settings: Settings, engine: TinyEngine) -> None:
    async def run() -> None:
        async with connected(settings) as client:
            await asyncio.gather(*(client.ask(CNN, pictures(1), budget) for budget in (30.0, 50.0, 40.0)))

    asyncio.run(run())
    assert 40.0 < engine.asked[0].header.budget_seconds <= 50.0


def test_bulk_travels_alone_and_at_once(settings: Settings, engine: TinyEngine) -> None:
    async def run() -> None:
        async with connected(settings) as client:
            engine.hold()
            asks = [ask(client, 1)]
            await asyncio.to_thread(engine.wait_for, 1)
            asks += [ask(client, BULK_PICTURES + 1), ask(client, 2), ask(client, 500), ask(client, 3)]
            await asyncio.to_thread(engine.wait_for, 3)
            assert [len(asked.images) for asked in engine.asked] == [1, BULK_PICTURES + 1, 500]
            await asyncio.to_thread(engine.release)
            answers = await asyncio.gather(*asks)
            assert [len(answer.energy) for answer in answers] == [1, BULK_PICTURES + 1, 2, 500, 3]

    asyncio.run(run())
    assert len(engine.asked[3].images) == 5


def test_models_do_not_wait_for_each_other(settings: Settings, engine: TinyEngine) -> None:
    engine.serve(CNN, OTHER)

    async def run() -> None:
        async with connected(settings) as client:
            engine.hold()
            asks = [ask(client), asyncio.create_task(client.ask(OTHER, pictures(1), 60.0))]
            await asyncio.to_thread(engine.wait_for, 2)
            await asyncio.to_thread(engine.release)
            await asyncio.gather(*asks)

    asyncio.run(run())
    assert {asked.header.model for asked in engine.asked} == {"cnn", "mlp"}
