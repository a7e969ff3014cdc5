"""What a worker's other parts see of the engines."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt

from service import errors, wire
from service.catalogue import Catalogue, ModelVersion
from service.client.answers import Answer, Outputs, not_ready
from service.client.dispatcher import Dispatcher
from service.client.tickets import Call, Prediction, described
from service.settings import Settings

T = TypeVar("T")
FIRST_WORD_SECONDS = 2.0
"""How long a start waits for the first word of an engine that is there."""


class EngineClient:
    """See the package's text. All methods but `from_thread` belong to the loop that `start` ran in."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._dispatcher = Dispatcher(settings)
        self._is_open = False
        self._waiting_pictures = 0

    @property
    def ready(self) -> bool:
        """Whether a prediction would be accepted now."""
        return self._dispatcher.ready

    @property
    def catalogue(self) -> Catalogue:
        """What the engines serve, or served when they were last heard from; the same object until that changes.

        A version is in the best state that it is in at any of them.

        :raise NotReadyError: no engine has been heard from yet.
        """
        catalogue = self._dispatcher.catalogue
        if catalogue is None:
            raise not_ready("the engine is starting")
        return catalogue

    def has_room(self, pictures: int) -> bool:
        """Whether so many more may wait."""
        return self._waiting_pictures + pictures <= self._settings.queue_limit

    # --- asking

    async def ask(self, version: ModelVersion, images: npt.NDArray[np.uint8], budget_seconds: float) -> Answer:
        """Classify `images`, uint8 (N, *version.input_shape), C-contiguous, N ≥ 1.

        A caller that is cancelled takes its pictures along: they are not computed if that can still be helped.

        :raise NotReadyError: there is no engine, or it went and no other came in time.
        :raise QueueFullError: too many pictures are waiting already.
        :raise DeadlineExceededError: `budget_seconds` have passed.
        :raise UnknownVersionError: the version has just left.
        """
        pictures = len(images)
        self._check_room(pictures)
        now = time.monotonic()  # the loop's own clock, which some loops read once a turn, to the millisecond
        future: asyncio.Future[Answer] = self._loop.create_future()
        key = (version.name, version.version)
        ticket = Prediction(key, pictures, future, now, now + budget_seconds, images)
        timer = self._loop.call_later(budget_seconds, self._dispatcher.expire, ticket)
        self._waiting_pictures += pictures
        try:
            self._dispatcher.submit(ticket)
            return await future
        except asyncio.CancelledError:
            self._dispatcher.abandon(ticket)
            raise
        finally:
            self._waiting_pictures -= pictures
            timer.cancel()

    async def run(
        self,
        version: ModelVersion,
        signature: str,
        tensors: Mapping[str, npt.NDArray[Any]],
        outputs: Sequence[str],
        budget_seconds: float,
    ) -> Outputs:
        """Call `signature` with `tensors` by name; `outputs` says which results are wanted, none: all of them.

        Each call travels alone and counts as one picture.

        :raise UnknownSignatureError: the version has no such function.
        :raise MalformedRequestError: an input is missing or unknown, or an output is.
        :raise WrongShapeError: a tensor's shape or dtype does not fit.
        :raise ServiceError: all that `ask` raises.
        """
        self._check_room(1)
        now = time.monotonic()  # the loop's own clock, which some loops read once a turn, to the millisecond
        future: asyncio.Future[Outputs] = self._loop.create_future()
        key = (version.name, version.version)
        ticket = Call(key, 1, future, now, now + budget_seconds, signature, described(tensors), tuple(outputs))
        timer = self._loop.call_later(budget_seconds, self._dispatcher.expire, ticket)
        self._waiting_pictures += 1
        try:
            self._dispatcher.submit(ticket)
            return await future
        except asyncio.CancelledError:
            self._dispatcher.abandon(ticket)
            raise
        finally:
            self._waiting_pictures -= 1
            timer.cancel()

    async def control(self, action: Literal["load", "unload"], model: str, budget_seconds: float) -> None:
        """Have every engine that is there do it, and wait for all of them.

        :raise UnknownModelError: there is no such model.
        :raise LoadFailedError: none of its versions can be served.
        :raise NotReadyError: there is no engine, or it went meanwhile.
        :raise DeadlineExceededError: `budget_seconds` have passed.
        """
        links = [link for link in self._dispatcher.links if link.connected]
        if not links:
            raise not_ready("the engine is not ready")
        done = [link.control(wire.Control(self._dispatcher.next_id(), action, model)) for link in links]
        try:
            async with asyncio.timeout(budget_seconds):
                outcomes = await asyncio.gather(*done, return_exceptions=True)
        except TimeoutError:
            raise errors.DeadlineExceededError(f"not done within {budget_seconds:g} s") from None
        for outcome in outcomes:
            if outcome is not None:
                raise outcome

    def from_thread(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run one of the above in the client's loop, from any thread but the loop's own. Blocks until it ends."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def _check_room(self, pictures: int) -> None:
        if not self._dispatcher.ready:
            raise not_ready("the engine is not ready")
        if not self.has_room(pictures):
            raise errors.QueueFullError(f"{self._waiting_pictures} pictures are waiting already", retry_after_seconds=1)

    # --- life

    async def start(self) -> None:
        """Connect, and keep asking the engines how they are. Hears first from those that are there, within limits:
        a worker that takes the place of another must not refuse what that would have answered.
        """
        self._loop = asyncio.get_running_loop()
        self._is_open = True
        self._dispatcher.open()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FIRST_WORD_SECONDS):
                for link in self._dispatcher.links:
                    await link.settled.wait()

    async def stop(self) -> None:
        """Disconnect; who still waits is told."""
        if self._is_open:
            self._is_open = False
            await self._dispatcher.close()
