"""`POST /predict`: from a request's body to its JSON answer.

query, body ── begin ──▶ PredictJob (pictures ready for the model) ── ask ──▶ answer ── finish ──▶ JSON
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from service import arguments, forms, metrics
from service.client import Answer
from service.endpoint import Call
from service.errors import InvalidParameterError, PayloadTooLargeError, ServiceError, UnsupportedMediaTypeError
from service.images import is_heavy, read, read_unprepared
from service.images.limits import PictureLimits
from service.responses import Reply
from service.router import Router, Target, Wanted
from service.settings import Settings

_LIGHT_NPY_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class Query:
    """`?model=&version=&label=&top_k=&prepare=`, checked."""

    model: str
    version: int | None
    label: str | None
    top_k: int | None
    prepare: bool = True
    """Whether encoded pictures are prepared; else they are to be as the model sees them."""


@dataclass(slots=True)
class PredictJob:
    """A request whose pictures are ready for the model."""

    router: Router
    wanted: Wanted
    target: Target
    top_k: int | None
    images: npt.NDArray[np.uint8]
    """(N, *target.shape): the pictures that are well, in the order sent."""
    warnings: Sequence[Sequence[str]]
    """What was found wrong with each of them; none of it kept it from being read."""
    faults: dict[int, ServiceError]
    """By position among all pictures sent."""
    budget_seconds: float
    stages: dict[str, float] = field(default_factory=dict)
    """Seconds by stage, in the order passed."""
    answer: Answer = field(init=False)

    @property
    def pictures(self) -> int:
        return len(self.images)

    async def ask(self) -> None:
        self.answer, self.target = await self.router.predict(self.wanted, self.target, self.images, self.budget_seconds)
        self.stages["queue"] = self.answer.queue_seconds
        self.stages["inference"] = self.answer.inference_seconds

    def passed(self, write_seconds: float) -> None:
        self.stages["write"] = write_seconds
        self.target.observer.passed(self.stages)


class Predictor:
    """The endpoint. `clock` gives seconds; tests put a still one in."""

    route = "/predict"

    def __init__(self, settings: Settings, router: Router, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._router = router
        self._clock = clock
        self._limits = PictureLimits(max_pixels=settings.max_pixels)
        self._no_arguments = Query(settings.default_model, None, None, None)

    def matches(self, path: str) -> bool:
        return path == self.route

    def is_heavy(self, call: Call) -> bool:
        try:
            kind = forms.kind_of(call.header(b"content-type"), call.body)
        except ServiceError:
            return False  # refused at once
        if kind == "picture":
            return is_heavy(call.body)
        return kind in ("json", "multipart") or (kind == "npy" and len(call.body) > _LIGHT_NPY_BYTES)

    def query(self, query_string: bytes) -> Query:
        """Check what stands behind the question mark; of a parameter given twice the first counts.

        :raise InvalidParameterError: `version` or `top_k` is no positive whole number, or both version and label given.
        """
        if not query_string:
            return self._no_arguments
        given = arguments.parse(query_string)
        top_k = arguments.positive(given, "top_k")
        return Query(
            given.get("model") or self._settings.default_model,
            *arguments.version_or_label(given),
            top_k,
            _whether(given, "prepare"),
        )

    def begin(self, call: Call) -> PredictJob:
        """Find the model, take the body apart, decode and prepare.

        :raise ServiceError: any of the input's faults, if none of its pictures is well.
        """
        query = self.query(call.query)
        wanted = Wanted(query.model, query.version, query.label, call.request_id)
        target = self._router.target(wanted)
        read = self._clock()
        images, warnings, faults = self._pictures(call.header(b"content-type"), call.body, target, query.prepare)
        decoded = self._clock()
        return PredictJob(
            self._router,
            wanted,
            target,
            query.top_k,
            images,
            warnings,
            faults,
            call.budget_seconds - (decoded - call.started_seconds),
            {"read": read - call.started_seconds, "decode": decoded - read},
        )

    def _pictures(
        self, content_type: str, body: bytes, target: Target, prepare: bool
    ) -> tuple[npt.NDArray[np.uint8], Sequence[Sequence[str]], dict[int, ServiceError]]:
        shape = target.shape
        kind = forms.kind_of(content_type, body)
        if kind == "picture":
            try:
                image, warnings = self._read(body, target, prepare)
            except ServiceError as error:
                raise error.at("body") from None
            return image[np.newaxis], [warnings], {}
        if kind in ("raw", "npy"):
            images = forms.raw(body, shape) if kind == "raw" else forms.npy(body, shape)
            self._check_count(len(images))
            return images, [()] * len(images), {}
        if kind == "json":
            items = forms.json(body, shape)
            name = "images"
        else:
            items = forms.multipart(content_type, body, self._settings.max_pictures)
            name = "files"
        self._check_count(len(items))
        good: list[tuple[npt.NDArray[np.uint8], Sequence[str]]] = []
        faults: dict[int, ServiceError] = {}
        for index, item in enumerate(items):
            try:
                if isinstance(item, ServiceError):
                    raise item
                good.append(self._read(item, target, prepare) if isinstance(item, bytes) else (item, ()))
            except ServiceError as error:
                faults[index] = error.at(f"{name}[{index}]")
        if not good:
            raise faults[0]
        for fault in faults.values():
            metrics.REJECTIONS.labels(fault.type).inc()
        return np.stack([image for image, _ in good]), [warnings for _, warnings in good], faults

    def _read(self, data: bytes, target: Target, prepare: bool) -> tuple[npt.NDArray[np.uint8], Sequence[str]]:
        if not target.reads_pictures:
            raise UnsupportedMediaTypeError(
                f"{target.version.name}/{target.version.version} takes arrays only: no preparation of pictures is known for it"
            )
        if not prepare:
            return read_unprepared(data, target.shape, self._limits), ()
        prepared = read(data, self._limits)
        # Measuring quality takes longer than all the rest for a picture that needs no preparation.
        return prepared.image, () if prepared.is_canonical else prepared.quality.warnings

    def _check_count(self, pictures: int) -> None:
        if pictures > self._settings.max_pictures:
            raise PayloadTooLargeError(
                f"{pictures} pictures; at most {self._settings.max_pictures} may be sent at once", field="body"
            )

    def finish(self, job: PredictJob) -> Reply:
        """The JSON that answers `job`; counts what was predicted."""
        answer = job.answer
        names, top_k = job.target.names, job.top_k
        winners = answer.probabilities.argmax(axis=1).tolist()
        confidences = list(answer.probabilities.max(axis=1))
        predictions: list[dict[str, Any]] = [
            {**names[winner], "confidence": confidence, **verdict, "warnings": warnings, "probabilities": row}
            for winner, confidence, verdict, warnings, row in zip(
                winners,
                confidences,
                job.target.verdicts(answer.energy),
                job.warnings,
                answer.probabilities,
                strict=True,
            )
        ]
        if top_k is not None:
            for prediction, row in zip(predictions, answer.probabilities, strict=True):
                best = np.argsort(-row, kind="stable")[:top_k].tolist()
                prediction["top"] = [{**names[i], "probability": row[i]} for i in best]
        job.target.observer.predicted(winners, confidences)
        for index in sorted(job.faults):
            predictions.insert(index, job.faults[index].document())
        body = orjson.dumps(
            {
                "model": job.target.version.name,
                "version": job.target.version.version,
                "predictions": predictions,
                "timings_ms": {stage: round(seconds * 1000, 3) for stage, seconds in job.stages.items()},
            },
            option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE,
        )
        return Reply(body)


def _whether(given: Mapping[str, str], name: str) -> bool:
    """Whether something that is done unless it is told not to."""
    text = given.get(name) or "full"
    if text not in ("full", "none"):
        raise InvalidParameterError(f"{name} must be full or none, not {text[:40]!r}", field=name)
    return text == "full"
