"""From a directory to a version in service: files checked, on the device, every batch size warmed."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from service import logs, metrics
from service.catalogue import ModelVersion
from service.engine.contract import UnfitModelError
from service.engine.repository import Candidate, RefusedVersionError
from service.engine.runtime import Model, Runtime
from service.engine.tally import Tally

log = logs.get(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Served:
    """A version in service."""

    model: Model
    version: ModelVersion
    """As the catalogue shows it while it is available."""
    buffer: npt.NDArray[np.uint8]
    """(max_batch_size, H, W, C): batches are laid together here."""
    picture_bytes: int
    tally: Tally

    @property
    def is_open(self) -> bool:
        """Whether other signatures than the one for predictions can be called at once."""
        return self.model.is_open

    def open(self) -> None:
        """Make them so; blocks, but predictions go on meanwhile."""
        self.model.open()

    def close(self) -> None:
        """Free the device memory."""
        self.model.close()


class Loader:
    """Loads versions onto one device."""

    def __init__(self, runtime: Runtime, batch_sizes: list[int]) -> None:
        self._runtime = runtime
        self._batch_sizes = batch_sizes

    def load(self, candidate: Candidate) -> Served:
        """Blocks for as long as loading and warming take.

        :raise RefusedVersionError: its files are not whole, or TensorFlow cannot serve them.
        """
        started = time.monotonic()
        name, number = candidate.key
        card = candidate.read_card()
        shape = tuple(card["input"]["shape"])
        try:
            model = self._runtime.load(candidate.path, shape, len(card["labels"]))
            model.warm(self._batch_sizes)
        except UnfitModelError as error:
            raise RefusedVersionError(str(error)) from error
        seconds = time.monotonic() - started
        metrics.LOAD_SECONDS.labels(name).observe(seconds)
        log.info("model_available", model=name, version=number, seconds=round(seconds, 3))
        return Served(
            model,
            ModelVersion(name, number, "available", None, card, model.signatures),
            np.zeros((self._batch_sizes[-1], *shape), np.uint8),
            math.prod(shape),
            Tally(name, number),
        )
