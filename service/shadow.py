"""A shadow version: asked after the caller has its answer, heard by nobody, compared in the metrics."""

from __future__ import annotations

import asyncio

import numpy as np
import numpy.typing as npt

from service import logs, metrics
from service.catalogue import ModelVersion
from service.client import EngineClient
from service.errors import ServiceError

log = logs.get(__name__)

MAX_PICTURES = 1024
"""In flight at once, per worker: a shadow that is slower than what it follows must not pile up."""
BUDGET_SECONDS = 5.0


class Shadow:
    """Belongs to the loop of its client."""

    def __init__(self, client: EngineClient, max_pictures: int = MAX_PICTURES) -> None:
        self._client = client
        self._max_pictures = max_pictures
        self._in_flight_pictures = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def show(
        self,
        shadow: ModelVersion,
        answered: ModelVersion,
        images: npt.NDArray[np.uint8],
        probabilities: npt.NDArray[np.float32],
    ) -> None:
        """Ask `shadow` too, later, and count how often it disagrees with `probabilities`, float32 (N, K).

        Skipped, and counted as such, while too much of it is under way.
        """
        if answered.version == shadow.version:
            return
        if self._in_flight_pictures and self._in_flight_pictures + len(images) > self._max_pictures:
            metrics.SHADOW_SKIPPED_PICTURES.labels(shadow.name, str(shadow.version)).inc(len(images))
            return
        self._in_flight_pictures += len(images)
        task = asyncio.get_running_loop().create_task(self._compare(shadow, answered, images, probabilities))
        self._tasks.add(task)  # a loop holds its tasks weakly
        task.add_done_callback(self._tasks.discard)

    async def _compare(
        self,
        shadow: ModelVersion,
        answered: ModelVersion,
        images: npt.NDArray[np.uint8],
        probabilities: npt.NDArray[np.float32],
    ) -> None:
        name, pictures = shadow.name, len(images)
        try:
            answer = await self._client.ask(shadow, images, BUDGET_SECONDS)
        except ServiceError as error:
            log.debug("shadow_failed", model=name, version=shadow.version, error=error.type)
            metrics.SHADOW_SKIPPED_PICTURES.labels(name, str(shadow.version)).inc(pictures)
            return
        finally:
            self._in_flight_pictures -= pictures
        differ = np.count_nonzero(answer.probabilities.argmax(axis=1) != probabilities.argmax(axis=1))
        labels = (name, str(answered.version), str(shadow.version))
        metrics.SHADOWED_PICTURES.labels(*labels).inc(pictures)
        metrics.SHADOW_DISAGREEMENTS.labels(*labels).inc(int(differ))
