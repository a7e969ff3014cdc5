"""`POST /predict`: from a request's body to its JSON answer.

query, body ── begin ──▶ PredictJob (pictures ready for the model) ── ask ──▶ answer ── finish ──▶ JSON
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import orjson

from service import arguments, posted
from service.client import Answer
from service.endpoint import ApartError, Call, Company, Facts
from service.errors import InvalidParameterError, ServiceError
from service.prediction_json import Columns, document
from service.responses import Reply
from service.router import Router, Target, Wanted
from service.settings import Settings

COMPANION_PICTURES = 8
"""Who sends more is asked for alone."""
COMPANION_LEFT_SECONDS = 1.0
"""So is who has less time left, …"""
COMPANION_APART_SECONDS = 0.1
"""… for a company has as long as the first of its members, and their deadlines lie within this of each other."""


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
    company: Company | None = None
    answer: Answer = field(init=False)

    @property
    def pictures(self) -> int:
        return len(self.images)

    async def ask(self) -> None:
        answer, self.target = await self.router.predict(self.wanted, self.target, self.images, self.budget_seconds)
        self.hear(answer)

    def hear(self, answer: Answer) -> None:
        """Keep it, and where its time went."""
        self.answer = answer
        self.stages["queue"] = answer.queue_seconds
        self.stages["inference"] = answer.inference_seconds

    def facts(self) -> Facts:
        version = self.target.version
        batch_pictures = self.answer.batch_pictures if "inference" in self.stages else 0
        return Facts(version.name, version.version, len(self.images), self.stages, batch_pictures)

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
        self._posted = posted.PostedPictures(settings)
        self._no_arguments = Query(settings.default_model, None, None, None)

    def matches(self, path: str) -> bool:
        return path == self.route

    def is_heavy(self, call: Call) -> bool:
        return posted.is_heavy(call.header(b"content-type"), call.body)

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
        found = self._posted.read(call.header(b"content-type"), call.body, target, prepare=query.prepare)
        decoded = self._clock()
        left_seconds = call.budget_seconds - (decoded - call.started_seconds)
        return PredictJob(
            self._router,
            wanted,
            target,
            query.top_k,
            found.images,
            found.warnings,
            found.faults,
            left_seconds,
            {"read": read - call.started_seconds, "decode": decoded - read},
            _company(target, len(found.images), left_seconds, decoded + left_seconds),
        )

    def finish(self, job: PredictJob) -> Reply:
        """The JSON that answers `job`; counts what was predicted."""
        answer, target = job.answer, job.target
        columns, start = Columns.of(answer, target.reject_above)
        predictions = columns.entries(start, target.name_members, job.warnings, answer.probabilities, job.top_k)
        here = slice(start, start + len(predictions))
        target.observer.predicted(columns.winners[here], columns.peaks[here])
        target.observer.judged(columns.is_digit[here])
        for index in sorted(job.faults):
            predictions.insert(index, orjson.dumps(job.faults[index].document()))
        return Reply(document(target.version.name, target.version.version, predictions, job.stages))


async def ask_together(jobs: Sequence[PredictJob]) -> None:
    """As `ask` of each: they share a company.

    :raise ApartError: together they cannot be answered; alone they may, in what is left of their time.
    :raise ServiceError: as `ask`, and it is everyone's.
    """
    first = jobs[0]
    budget_seconds = min([job.budget_seconds for job in jobs])
    started = time.monotonic()
    try:
        answers = await first.router.predict_together(
            [job.wanted for job in jobs], first.target, [job.images for job in jobs], budget_seconds
        )
    except ApartError:
        for job in jobs:
            job.budget_seconds -= time.monotonic() - started
        raise
    for job, answer in zip(jobs, answers, strict=True):
        job.hear(answer)


def _company(target: Target, pictures: int, left_seconds: float, deadline_seconds: float) -> Company | None:
    if pictures > COMPANION_PICTURES or left_seconds < COMPANION_LEFT_SECONDS:
        return None
    return Company((id(target), int(deadline_seconds / COMPANION_APART_SECONDS)), ask_together)


def _whether(given: Mapping[str, str], name: str) -> bool:
    """Whether something that is done unless it is told not to."""
    text = given.get(name) or "full"
    if text not in ("full", "none"):
        raise InvalidParameterError(f"{name} must be full or none, not {text[:40]!r}", field=name)
    return text == "full"
