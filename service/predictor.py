"""What a prediction request goes through, whoever carries it: the lane in the event loop, or Flask in a thread.

    query, body ── begin ──▶ Job (pictures ready for the model) ── the caller asks the engine ──▶ finish ──▶ JSON

Between the two, one line in each caller: `await client.ask(…)` there, `client.ask_from_thread(…)` here. That is all in
which they may differ; a test holds their answers byte for byte equal.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import numpy as np
import numpy.typing as npt
import orjson

from service import forms, metrics
from service.catalogue import Catalogue, ModelVersion
from service.client import Answer, EngineClient
from service.errors import (
    InvalidParameterError,
    NotReadyError,
    PayloadTooLargeError,
    ServiceError,
    UnsupportedMediaTypeError,
)
from service.images import is_heavy, read_picture
from service.images.limits import PictureLimits
from service.observation import Observer
from service.settings import Settings

_POSITIVE = re.compile("[1-9][0-9]{0,17}")
"""As large as a version can be on the wire; some number theirs by the second or millisecond."""
_LIGHT_NPY_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class Query:
    """`?model=&version=&top_k=`, checked."""

    model: str
    version: int | None
    top_k: int | None


@dataclass(frozen=True, slots=True)
class Target:
    """A version that answers, with what each request needs of it worked out once."""

    version: ModelVersion
    shape: tuple[int, ...]
    """Of one picture: (height, width, channels)."""
    names: list[dict[str, Any]]
    """Each class by the name that fits it: `{"digit": 7}` where labels are digits, `{"label", "index"}` elsewhere."""
    reads_pictures: bool
    observer: Observer


@dataclass(slots=True)
class Job:
    """A request whose pictures are ready for the model."""

    target: Target
    query: Query
    images: npt.NDArray[np.uint8]
    """(N, *target.shape): the pictures that are well, in the order sent."""
    faults: dict[int, ServiceError]
    """By position among all pictures sent."""
    total: int
    budget_seconds: float
    stages: dict[str, float] = field(default_factory=dict)
    """Seconds by stage, in the order passed."""


class Predictor:
    """`clock` gives seconds; tests put a still one in."""

    def __init__(
        self, settings: Settings, client: EngineClient, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self.client = client
        self.clock = clock
        self._settings = settings
        self._limits = PictureLimits(max_pixels=settings.max_pixels)
        self._no_arguments = Query(settings.default_model, None, None)
        self._targets: tuple[Catalogue | None, dict[tuple[str, int | None], Target]] = (None, {})
        self._observers: dict[tuple[str, int], Observer] = {}

    def is_heavy(self, content_type: str, body: bytes) -> bool:
        """Whether `begin` would hold up an event loop for more than about a millisecond."""
        try:
            kind = forms.kind_of(content_type, body)
        except ServiceError:
            return False  # refused at once
        if kind == "picture":
            return is_heavy(body)
        return kind in ("json", "multipart") or (kind == "npy" and len(body) > _LIGHT_NPY_BYTES)

    def query(self, query_string: bytes) -> Query:
        """Check what stands behind the question mark; of a parameter given twice the first counts.

        :raise InvalidParameterError: `version` or `top_k` is no positive whole number.
        """
        if not query_string:
            return self._no_arguments
        pairs = parse_qsl(query_string.decode(errors="replace"), keep_blank_values=True)
        arguments = dict(reversed(pairs))
        return Query(
            arguments.get("model") or self._settings.default_model,
            _positive(arguments, "version"),
            _positive(arguments, "top_k"),
        )

    def begin(self, query: Query, content_type: str, body: bytes, started: float) -> Job:
        """Find the model, take the body apart, decode and prepare. `started`: when the request began, by `clock`.

        :raise ServiceError: any of the input's faults, if none of its pictures is well.
        """
        if not self.client.ready:
            raise NotReadyError("the engine is not ready", retry_after_seconds=2)
        target = self._target(query)
        read = self.clock()
        images, faults, total = self._pictures(content_type, body, target)
        decoded = self.clock()
        return Job(
            target,
            query,
            images,
            faults,
            total,
            self._settings.deadline_seconds - (decoded - started),
            {"read": read - started, "decode": decoded - read},
        )

    def _pictures(
        self, content_type: str, body: bytes, target: Target
    ) -> tuple[npt.NDArray[np.uint8], dict[int, ServiceError], int]:
        shape = target.shape
        kind = forms.kind_of(content_type, body)
        if kind == "picture":
            try:
                return self._read(body, target)[np.newaxis], {}, 1
            except ServiceError as error:
                raise error.at("body") from None
        if kind in ("raw", "npy"):
            images = forms.raw(body, shape) if kind == "raw" else forms.npy(body, shape)
            self._check_count(len(images))
            return images, {}, len(images)
        if kind == "json":
            items = forms.json(body, shape)
            name = "images"
        else:
            items = forms.multipart(content_type, body, self._settings.max_pictures)
            name = "files"
        self._check_count(len(items))
        good: list[npt.NDArray[np.uint8]] = []
        faults: dict[int, ServiceError] = {}
        for index, item in enumerate(items):
            try:
                if isinstance(item, ServiceError):
                    raise item
                good.append(self._read(item, target) if isinstance(item, bytes) else item)
            except ServiceError as error:
                faults[index] = error.at(f"{name}[{index}]")
        if not good:
            raise faults[0]
        for fault in faults.values():
            metrics.REJECTIONS.labels(fault.type).inc()
        return np.stack(good), faults, len(items)

    def _read(self, data: bytes, target: Target) -> npt.NDArray[np.uint8]:
        if not target.reads_pictures:
            raise UnsupportedMediaTypeError(
                f"{target.version.name}/{target.version.version} takes arrays only: no preparation of pictures is known for it"
            )
        return read_picture(data, self._limits)

    def _check_count(self, pictures: int) -> None:
        if pictures > self._settings.max_pictures:
            raise PayloadTooLargeError(
                f"{pictures} pictures; at most {self._settings.max_pictures} may be sent at once", field="body"
            )

    def finish(self, job: Job, answer: Answer) -> bytes:
        """The JSON body that answers `job`; counts what was predicted."""
        job.stages["queue"] = answer.queue_seconds
        job.stages["inference"] = answer.inference_seconds
        names, top_k = job.target.names, job.query.top_k
        winners = answer.probabilities.argmax(axis=1).tolist()
        confidences = list(answer.probabilities.max(axis=1))
        predictions: list[dict[str, Any]] = [
            {**names[winner], "confidence": confidence, "probabilities": row}
            for winner, confidence, row in zip(winners, confidences, answer.probabilities, strict=True)
        ]
        if top_k is not None:
            for prediction, row in zip(predictions, answer.probabilities, strict=True):
                best = np.argsort(-row, kind="stable")[:top_k].tolist()
                prediction["top"] = [{**names[i], "probability": row[i]} for i in best]
        job.target.observer.predicted(winners, confidences)
        for index in sorted(job.faults):
            predictions.insert(index, job.faults[index].document())
        return orjson.dumps(
            {
                "model": job.target.version.name,
                "version": job.target.version.version,
                "predictions": predictions,
                "timings_ms": {stage: round(seconds * 1000, 3) for stage, seconds in job.stages.items()},
            },
            option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE,
        )

    def _target(self, query: Query) -> Target:
        catalogue = self.client.catalogue
        of, targets = self._targets  # one pair: another thread may put a newer one in its place meanwhile
        if of is not catalogue:
            _, targets = self._targets = (catalogue, {})
        key = (query.model, query.version)
        target = targets.get(key)
        if target is None:
            version = catalogue.resolve(query.model, query.version)
            target = targets[key] = Target(
                version,
                version.input_shape,
                [
                    {"digit": i} if name == str(i) else {"label": name, "index": i}
                    for i, name in enumerate(version.labels)
                ],
                version.preparation == "mnist" and version.input_shape == (28, 28, 1),
                self._observer(version),
            )
        return target

    def _observer(self, version: ModelVersion) -> Observer:
        """One per version for good: a new engine's catalogue must not count anew."""
        key = (version.name, version.version)
        if key not in self._observers:
            self._observers[key] = Observer(version)
        return self._observers[key]


def _positive(arguments: Mapping[str, str], name: str) -> int | None:
    text = arguments.get(name)
    if text is None:
        return None
    if not _POSITIVE.fullmatch(text):
        raise InvalidParameterError(f"{name} must be a positive whole number, not {text[:40]!r}", field=name)
    return int(text)
