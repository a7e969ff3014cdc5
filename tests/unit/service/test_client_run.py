"""The engine client calling signatures and giving orders: tensors in, tensors out, models in and out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pytest

from service import errors
from service.client import EngineClient, Outputs
from service.settings import Settings
from tests.unit.service.conftest import MakeSettings
from tests.unit.service.running import connected, pictures, until
from tests.unit.service.tiny_engine import INFERENCE_SECONDS, PROBED, TinyEngine, classify, filters, saliency

CLASSES = np.array([3, 7], np.int32)


def run(
    client: EngineClient,
    signature: str = "saliency",
    tensors: dict[str, npt.NDArray[Any]] | None = None,
    outputs: Sequence[str] = (),
    budget_seconds: float = 60.0,
) -> asyncio.Task[Outputs]:
    usual: dict[str, npt.NDArray[Any]] = {"images": pictures(2), "classes": CLASSES}
    given = usual if tensors is None else tensors
    return asyncio.create_task(client.run(PROBED, signature, given, outputs, budget_seconds))


def test_a_signature_is_called_with_tensors_by_name(settings: Settings) -> None:
    async def ask() -> Outputs:
        async with connected(settings) as client:
            return await run(client)

    with TinyEngine(settings.endpoint, PROBED) as engine:
        given = asyncio.run(ask())
    expected = saliency(pictures(2), CLASSES)
    assert given.tensors.keys() == expected.keys()
    assert given.tensors["maps"].dtype == np.float32
    assert np.array_equal(given.tensors["maps"], expected["maps"])
    assert given.inference_seconds == INFERENCE_SECONDS
    assert given.queue_seconds == 0.0
    [called] = engine.called
    assert (called.header.model, called.header.version, called.header.signature) == ("cnn", 1, "saliency")
    assert 0 < called.header.budget_seconds <= 60.0


def test_it_may_take_nothing_and_give_several_of_which_some_are_wanted(settings: Settings) -> None:
    async def ask() -> tuple[Outputs, Outputs]:
        async with connected(settings) as client:
            return await run(client, "filters", {}), await run(client, "filters", {}, ["conv/bias"])

    with TinyEngine(settings.endpoint, PROBED):
        everything, bias = asyncio.run(ask())
    assert {name: array.tolist() for name, array in everything.tensors.items()} == {
        name: array.tolist() for name, array in filters().items()
    }
    assert list(bias.tensors) == ["conv/bias"]


@pytest.mark.parametrize(
    "layout",
    [
        lambda images: images[::-1][::-1],
        np.asfortranarray,
        lambda images: np.repeat(images, 2, axis=0)[::2],
        lambda images: images[:0],
    ],
    ids=["negative strides", "Fortran order", "every second", "none"],
)
def test_the_layout_of_a_tensor_is_the_callers_own_affair(
    settings: Settings, layout: Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.uint8]]
) -> None:
    images = layout(pictures(3))
    classes = np.arange(len(images), dtype=np.int32)

    async def ask() -> Outputs:
        async with connected(settings) as client:
            return await run(client, "saliency", {"images": images, "classes": classes})

    with TinyEngine(settings.endpoint, PROBED):
        given = asyncio.run(ask())
    assert np.array_equal(given.tensors["maps"], saliency(images, classes)["maps"])


def test_the_other_byte_order_is_turned_and_a_number_alone_keeps_its_shape(settings: Settings) -> None:
    async def ask() -> None:
        async with connected(settings) as client:
            with pytest.raises(errors.WrongShapeError):
                await run(
                    client,
                    "saliency",
                    {"images": np.zeros((1, 28, 28, 1), ">u1"), "classes": np.int32(3) + np.zeros(())},
                )
            await run(client, "saliency", {"images": pictures(2), "classes": CLASSES.astype(">i4")})

    with TinyEngine(settings.endpoint, PROBED) as engine:
        asyncio.run(ask())
    assert engine.called[0].tensors["classes"].shape == ()
    assert np.array_equal(engine.called[1].tensors["classes"], CLASSES)


@pytest.mark.parametrize(
    ("signature", "tensors", "outputs", "expected"),
    [
        ("dream", {}, (), errors.UnknownSignatureError),
        ("saliency", {"images": pictures(2)}, (), errors.MalformedRequestError),
        ("saliency", {"images": pictures(2)[0], "classes": CLASSES}, (), errors.WrongShapeError),
        ("filters", {}, ("fc/kernel",), errors.MalformedRequestError),
    ],
)
def test_what_does_not_fit_is_refused_by_name(
    settings: Settings,
    signature: str,
    tensors: dict[str, npt.NDArray[Any]],
    outputs: Sequence[str],
    expected: type[errors.ServiceError],
) -> None:
    async def ask() -> None:
        async with connected(settings) as client:
            with pytest.raises(errors.ServiceError) as refused:
                await run(client, signature, tensors, outputs)
            assert type(refused.value) is expected
            assert (await run(client)).tensors

    with TinyEngine(settings.endpoint, PROBED):
        asyncio.run(ask())


BROKEN: dict[str, Callable[[list[Any]], list[Any]]] = {
    "a number too few": lambda frames: [frames[0], frames[1][:-4]],
    "half a number": lambda frames: [frames[0], frames[1][:-2]],
    "a frame too few": lambda frames: frames[:1],
    "a frame too many": lambda frames: [*frames, b""],
}


@pytest.mark.parametrize("fault", BROKEN)
def test_tensors_that_do_not_fit_their_description_are_500_and_the_client_lives_on(
    settings: Settings, fault: str
) -> None:
    async def ask() -> None:
        async with connected(settings) as client:
            engine.distort = BROKEN[fault]
            with pytest.raises(errors.InternalError, match="do not fit"):
                await run(client)
            engine.distort = list
            assert (await run(client)).tensors

    with TinyEngine(settings.endpoint, PROBED) as engine:
        asyncio.run(ask())


def test_a_call_that_was_in_flight_is_made_again_at_the_next_engine_and_at_no_third(settings: Settings) -> None:
    async def ask() -> None:
        async with connected(settings) as client:
            first.hold()
            lucky = run(client)
            await asyncio.to_thread(first.wait_for_calls, 1)
            await asyncio.to_thread(first.die)
            await until(lambda: not client.ready)
            with TinyEngine(settings.endpoint, PROBED) as second:
                assert (await lucky).tensors
                await asyncio.to_thread(second.hold)
                deadly = run(client)
                await asyncio.to_thread(second.wait_for_calls, 2)
            await until(lambda: not client.ready)
            with TinyEngine(settings.endpoint, PROBED) as third:
                third.hold()
                await asyncio.to_thread(third.wait_for_calls, 1)
            with pytest.raises(errors.NotReadyError, match="twice"):
                await deadly

    with TinyEngine(settings.endpoint, PROBED) as first:
        asyncio.run(ask())


def test_a_call_has_a_deadline_and_a_place_in_the_queue(make_settings: MakeSettings) -> None:
    settings = make_settings(queue_limit=2, max_pictures=2)

    async def ask() -> None:
        async with connected(settings) as client:
            engine.hold()
            with pytest.raises(errors.DeadlineExceededError):
                await run(client, budget_seconds=0.001)
            waiting = [run(client), run(client)]
            await asyncio.sleep(0)
            with pytest.raises(errors.QueueFullError):
                await run(client)
            await asyncio.to_thread(engine.release)
            await asyncio.gather(*waiting)

    with TinyEngine(settings.endpoint, PROBED) as engine:
        asyncio.run(ask())


def test_without_an_engine_it_is_refused_at_once(settings: Settings) -> None:
    async def ask() -> None:
        client = EngineClient(settings)
        await client.start()
        try:
            with pytest.raises(errors.NotReadyError):
                await run(client)
            with pytest.raises(errors.NotReadyError):
                await client.control("load", "cnn", 60.0)
        finally:
            await client.stop()

    asyncio.run(ask())


# --- orders


def test_a_model_goes_and_comes_and_the_catalogue_shows_it_when_the_order_is_done(
    settings: Settings, engine: TinyEngine
) -> None:
    async def order() -> None:
        async with connected(settings) as client:
            await client.control("unload", "cnn", 60.0)
            assert [v.state for v in client.catalogue.of("cnn")] == ["failed"]
            await client.control("load", "cnn", 60.0)
            assert client.catalogue.resolve("cnn").version == 1

    asyncio.run(order())
    assert [(c.action, c.model) for c in engine.controlled] == [("unload", "cnn"), ("load", "cnn")]


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("unknown_model", errors.UnknownModelError),
        ("load_failed", errors.LoadFailedError),
        ("not_ready", errors.NotReadyError),
        ("a reason of next year's engine", errors.InternalError),
    ],
)
def test_an_order_that_cannot_be_carried_out(
    settings: Settings, engine: TinyEngine, reason: str, expected: type[errors.ServiceError]
) -> None:
    engine.refusal = (reason, "no")

    async def order() -> None:
        async with connected(settings) as client:
            with pytest.raises(errors.ServiceError, match="^no$") as refused:
                await client.control("load", "cnn", 60.0)
            assert type(refused.value) is expected

    asyncio.run(order())


def test_an_order_that_is_not_done_in_time_or_whose_engine_goes(settings: Settings, engine: TinyEngine) -> None:
    async def order() -> None:
        async with connected(settings) as client:
            engine.mute = True
            with pytest.raises(errors.DeadlineExceededError):
                await client.control("load", "cnn", 0.01)
            waiting = asyncio.create_task(client.control("load", "cnn", 60.0))
            await asyncio.to_thread(engine.wait_for_controls, 2)
            await asyncio.to_thread(engine.die)
            with pytest.raises(errors.NotReadyError, match="gone"):
                await waiting

    asyncio.run(order())


def test_every_engine_is_told(make_settings: MakeSettings) -> None:
    settings = make_settings(engines=2)
    other = msgspec.structs.replace(PROBED, name="mlp")

    async def order() -> None:
        async with connected(settings) as client:
            await until(lambda: len(client.catalogue.versions) == 2)
            await client.control("unload", "cnn", 60.0)
            with pytest.raises(errors.UnknownModelError):  # the second does not know it
                await client.control("unload", "mlp", 60.0)

    with (
        TinyEngine(settings.endpoints[0], PROBED, other) as first,
        TinyEngine(settings.endpoints[1], PROBED) as second,
    ):
        asyncio.run(order())
    assert [c.model for c in first.controlled] == [c.model for c in second.controlled] == ["cnn", "mlp"]


# --- from other threads


def test_a_thread_may_have_any_of_it_done(settings: Settings) -> None:
    async def use() -> None:
        async with connected(settings) as client:

            def in_a_thread() -> None:
                answer = client.from_thread(client.ask(PROBED, pictures(2), 60.0))
                assert np.array_equal(answer.probabilities, classify(pictures(2))[0])
                assert client.from_thread(client.run(PROBED, "filters", {}, (), 60.0)).tensors
                with pytest.raises(errors.UnknownModelError):
                    client.from_thread(client.control("load", "nobody", 60.0))

            await asyncio.to_thread(in_a_thread)

    with TinyEngine(settings.endpoint, PROBED):
        asyncio.run(use())
