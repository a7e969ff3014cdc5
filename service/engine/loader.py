"""From a directory to a version in service: files checked, on the device, every batch size warmed."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from service import logs, metrics
from service.catalogue import ModelVersion
from service.engine.contract import UnfitModelError
from service.engine.model import Model
from service.engine.repository import CONVERTED, Candidate, RefusedVersionError
from service.engine.runtime import Runtime
from service.engine.sizes import ladder
from service.engine.tally import Tally

log = logs.get(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Served:
    """A version in service."""

    model: Model
    version: ModelVersion
    """As the catalogue shows it while it is available."""
    sizes: Sequence[int]
    """Ascending: what its batches are padded to."""
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

    def __init__(self, runtime: Runtime, max_batch_size: int, batch_sizes: list[int] | None) -> None:
        """`batch_sizes`: what batches are padded to, ascending up to `max_batch_size`; None for what suits the model."""
        self._runtime = runtime
        self._max_batch_size = max_batch_size
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
            converted = candidate.path / CONVERTED if str(CONVERTED) in card["files"] else None
            model = self._runtime.load(candidate.path, shape, len(card["labels"]), converted)
            sizes = self._sizes(model)
            # A range is every size, of which none costs more the first time, once there is memory for the largest.
            model.warm([*sizes[:2], sizes[-1]] if isinstance(sizes, range) else sizes)
        except UnfitModelError as error:
            raise RefusedVersionError(str(error)) from error
        seconds = time.monotonic() - started
        metrics.LOAD_SECONDS.labels(name).observe(seconds)
        log.info(
            "model_available", model=name, version=number, runtime=model.prediction.runtime, seconds=round(seconds, 3)
        )
        return Served(
            model,
            ModelVersion(name, number, "available", None, card, model.signatures, model.prediction.runtime),
            sizes,
            np.zeros((self._max_batch_size, *shape), np.uint8),
            math.prod(shape),
            Tally(name, number),
        )

    def _sizes(self, model: Model) -> Sequence[int]:
        if self._batch_sizes is not None:
            return self._batch_sizes
        if model.prediction.takes_any_size:
            return range(1, self._max_batch_size + 1)
        return ladder(self._max_batch_size, 4 if self._runtime.device.kind == "cpu" else 1)
