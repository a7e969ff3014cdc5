"""Running the service's asynchronous parts in tests: waiting for what must come, and leaving nothing behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import numpy as np
import numpy.typing as npt

from service.client import EngineClient
from service.settings import Settings
from tests.unit.service.tiny_engine import WAIT_SECONDS


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until `condition()` holds; fails when it never does."""
    async with asyncio.timeout(WAIT_SECONDS):
        while not condition():  # noqa: ASYNC110  (no event tells of it, and no time has to pass)
            await asyncio.sleep(0)


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[EngineClient]:
    """A client that has heard from a ready engine; stopped at the end."""
    client = EngineClient(settings)
    await client.start()
    try:
        await until(lambda: client.ready)
        yield client
    finally:
        await client.stop()


def pictures(number: int, seed: int = 0) -> npt.NDArray[np.uint8]:
    """uint8 (number, 28, 28, 1), all different."""
    return np.random.default_rng(seed).integers(0, 256, (number, 28, 28, 1), np.uint8)
