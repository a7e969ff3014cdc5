"""The versions in service, those still to be loaded, and the catalogue that tells of both."""

from __future__ import annotations

import math
import os
import secrets
import time
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
import numpy as np
import numpy.typing as npt
from prometheus_client import Histogram

from service import garbage, logs, metrics
from service.catalogue import STATES, Catalogue, ModelVersion
from service.engine.batcher import Key
from service.engine.repository import Candidate, RefusedVersionError, candidates
from service.engine.runtime import TENSORFLOW_VERSION, Model, Runtime, UnfitModelError
from service.engine.sizes import ladder, round_up
from service.settings import Settings

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Served:
    """A version in service."""

    model: Model
    version: ModelVersion
    buffer: npt.NDArray[np.uint8]
    """(max_batch_size, H, W, C): batches are laid together here."""
    picture_bytes: int
    batch_pictures: Histogram
    batch_seconds: Histogram


class Shelf:
    """Loads versions one by one and keeps the catalogue true."""

    def __init__(self, settings: Settings, runtime: Runtime) -> None:
        self._runtime = runtime
        self._default_model = settings.default_model
        self._max_batch_size = settings.max_batch_size
        self._sizes = ladder(settings.max_batch_size, 4 if runtime.device.kind == "cpu" else 1)
        self._served: dict[Key, Served] = {}
        found = candidates(settings.models_dir, settings.version_policy)
        # The default model first: the service is ready once that is there.
        self._to_load = deque(sorted(found, key=lambda c: c.name != settings.default_model))
        if not found:
            log.error("no_models", models_dir=str(settings.models_dir.resolve()))
        self.catalogue = Catalogue(
            revision="",
            engine_id=secrets.token_hex(8),
            engine_pid=os.getpid(),
            started=datetime.now(UTC).isoformat(timespec="seconds"),
            tensorflow=TENSORFLOW_VERSION,
            device=runtime.device,
            versions=tuple(ModelVersion(c.name, c.version, "loading") for c in self._to_load),
        )
        self._revise()

    @property
    def loading(self) -> bool:
        """Whether `load_next` has something to do."""
        return bool(self._to_load)

    @property
    def ready(self) -> bool:
        """Whether the default model can answer."""
        return any(name == self._default_model for name, _ in self._served)

    def get(self, key: Key) -> Served | None:
        """The version in service under (model, version)."""
        return self._served.get(key)

    def __getitem__(self, key: Key) -> Served:
        """The same, where it is known to be in service: work is admitted for nothing else, and no version leaves."""
        return self._served[key]

    def padded(self, pictures: int) -> int:
        """The warmed batch size in which `pictures` are run."""
        return round_up(pictures, self._sizes)

    def load_next(self) -> None:
        """Load and warm one version, or note why it is refused. Blocks for as long as that takes."""
        self._load(self._to_load.popleft())
        if not self._to_load:
            garbage.settle()

    def _load(self, candidate: Candidate) -> None:
        key = (candidate.name, candidate.version)
        started = time.monotonic()
        try:
            card = candidate.read_card()
            shape = tuple(card["input"]["shape"])
            model = self._runtime.load(candidate.path, shape, len(card["labels"]))
            model.warm(self._sizes)
        except (RefusedVersionError, UnfitModelError) as error:
            log.error("model_refused", model=key[0], version=key[1], reason=str(error))
            self._put(ModelVersion(*key, "failed", str(error)))
            return
        version = ModelVersion(*key, "available", None, card)
        self._served[key] = Served(
            model,
            version,
            np.zeros((self._max_batch_size, *shape), np.uint8),
            math.prod(shape),
            metrics.BATCH_PICTURES.labels(key[0], str(key[1])),
            metrics.BATCH_SECONDS.labels(key[0], str(key[1])),
        )
        self._put(version)
        metrics.MODEL_INFO.labels(
            model=key[0],
            version=str(key[1]),
            dataset=card.get("dataset", {}).get("name", ""),
            parameters=str(card.get("architecture", {}).get("parameters", "")),
            test_accuracy=str(card.get("metrics", {}).get("test", {}).get("accuracy", "")),
            device=self._runtime.device.name,
        ).set(1)
        log.info("model_available", model=key[0], version=key[1], seconds=round(time.monotonic() - started, 3))

    def _put(self, version: ModelVersion) -> None:
        others = [v for v in self.catalogue.versions if (v.name, v.version) != (version.name, version.version)]
        self.catalogue = msgspec.structs.replace(self.catalogue, versions=(*others, version))
        self._revise()

    def _revise(self) -> None:
        self.catalogue = msgspec.structs.replace(self.catalogue, revision=secrets.token_hex(8))
        for version in self.catalogue.versions:
            for state in STATES:
                metrics.MODEL_STATE.labels(version.name, str(version.version), state).set(version.state == state)
