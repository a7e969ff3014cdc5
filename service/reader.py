"""`POST /read`: from a picture with a row of digits to its JSON answer.

query, body ── begin ──▶ ReadJob (pieces that may be digits) ── ask ──▶ answer to each ── finish ──▶ the row, as JSON

The model is asked once, for all pieces of the row; which of them are its digits is decided when the answer is there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from service import arguments, forms
from service.client import Answer
from service.endpoint import Call, Facts, Solitary
from service.errors import InvalidParameterError, PayloadTooLargeError, ServiceError, UnsupportedMediaTypeError
from service.images import DIGITS
from service.images.limits import PictureLimits
from service.images.rows import Row, find_digits
from service.reading_path import ReadDigit, Reading, read_row
from service.responses import Reply
from service.router import Router, Target, Wanted
from service.settings import Settings

DIGITS_MAX = 64
"""So many digits a caller may expect of a row."""
NOT_AS_EXPECTED = "digits_not_as_expected"
"""The warning where a row cannot be taken apart into as many digits as the caller expects."""

_PICTURES_PER_PIECE = 16
"""Weighing a piece costs about as much as writing so many predictions of `/predict`."""


@dataclass(frozen=True, slots=True)
class Query:
    """`?model=&version=&label=&digits=`, checked."""

    model: str
    version: int | None
    label: str | None
    digits: int | None


@dataclass(slots=True)
class ReadJob(Solitary):
    """A request whose pieces are ready for the model."""

    router: Router
    wanted: Wanted
    target: Target
    digits: int | None
    row: Row
    budget_seconds: float
    stages: dict[str, float] = field(default_factory=dict)
    """Seconds by stage, in the order passed."""
    answer: Answer = field(init=False)
    batch_pictures: int = 0

    @property
    def pictures(self) -> int:
        return _PICTURES_PER_PIECE * len(self.row.images)

    async def ask(self) -> None:
        self.answer, self.target = await self.router.predict(
            self.wanted, self.target, self.row.images, self.budget_seconds
        )
        self.stages["queue"] = self.answer.queue_seconds
        self.stages["inference"] = self.answer.inference_seconds
        self.batch_pictures = self.answer.batch_pictures

    def facts(self) -> Facts:
        version = self.target.version
        return Facts(version.name, version.version, len(self.row.images), self.stages, self.batch_pictures)

    def passed(self, write_seconds: float) -> None:
        self.stages["write"] = write_seconds
        self.target.observer.passed(self.stages)


class Reader:
    """The endpoint. `clock` gives seconds; tests put a still one in."""

    route = "/read"

    def __init__(self, settings: Settings, router: Router, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._router = router
        self._clock = clock
        self._limits = PictureLimits(max_pixels=settings.max_pixels)

    def matches(self, path: str) -> bool:
        return path == self.route

    def is_heavy(self, call: Call) -> bool:  # noqa: ARG002  (the protocol's; the smallest row takes milliseconds)
        return True

    def query(self, query_string: bytes) -> Query:
        """Check what stands behind the question mark; of a parameter given twice the first counts.

        :raise InvalidParameterError: `version` or `digits` is no positive whole number, `digits` too large a one, or both
            version and label given.
        """
        given = arguments.parse(query_string)
        version, label = arguments.version_or_label(given)
        digits = arguments.positive(given, "digits")
        if digits is not None and digits > DIGITS_MAX:
            raise InvalidParameterError(f"digits may be {DIGITS_MAX} at most, not {digits}", field="digits")
        return Query(given.get("model") or self._settings.default_model, version, label, digits)

    def begin(self, call: Call) -> ReadJob:
        """Find the model, decode the picture, and take its row apart.

        :raise ServiceError: any of the input's faults.
        """
        query = self.query(call.query)
        wanted = Wanted(query.model, query.version, query.label, call.request_id)
        target = self._router.target(wanted)
        if not target.reads_pictures or target.version.preparation != DIGITS:
            raise UnsupportedMediaTypeError(
                f"{target.version.name}/{target.version.version} reads no rows: it has not learned handwritten digits"
            )
        read = self._clock()
        data, name = _picture(call)
        try:
            row = find_digits(data, self._limits)
        except ServiceError as error:
            raise error.at(name) from None
        decoded = self._clock()
        return ReadJob(
            self._router,
            wanted,
            target,
            query.digits,
            row,
            call.budget_seconds - (decoded - call.started_seconds),
            {"read": read - call.started_seconds, "decode": decoded - read},
        )

    def finish(self, job: ReadJob) -> Reply:
        """The JSON that answers `job`; counts what was read."""
        answer, version = job.answer, job.target.version
        reading = read_row(
            job.row.atoms, job.row.pieces, answer.probabilities, answer.energy, job.target.reject_above, job.digits
        )
        job.target.observer.predicted(
            [digit.digit for digit in reading.digits], [digit.confidence for digit in reading.digits]
        )
        width, height = job.row.size
        body = orjson.dumps(
            {
                "model": version.name,
                "version": version.version,
                "text": "".join(version.labels[digit.digit] for digit in reading.digits),
                "confidence": reading.confidence,
                "digits": [_described(job, digit) for digit in reading.digits],
                "width": width,
                "height": height,
                "warnings": _warnings(job, reading),
                "timings_ms": {stage: round(seconds * 1000, 3) for stage, seconds in job.stages.items()},
            },
            option=orjson.OPT_APPEND_NEWLINE,
        )
        return Reply(body)


def _picture(call: Call) -> tuple[bytes, str]:
    """The only picture of a request, and what errors call it.

    :raise UnsupportedMediaTypeError: arrays and JSON hold no row.
    :raise MalformedRequestError: the body is empty, or a form without files.
    :raise PayloadTooLargeError: a form with more than one file.
    """
    content_type = call.header(b"content-type")
    kind = forms.kind_of(content_type, call.body)
    if kind == "picture":
        return call.body, "body"
    if kind != "multipart":
        raise UnsupportedMediaTypeError(
            "a row is read from one encoded picture: send image/png (or another picture) or multipart/form-data",
            field="body",
        )
    files = forms.multipart(content_type, call.body, max_parts=1)
    if len(files) > 1:
        raise PayloadTooLargeError(f"{len(files)} files; one picture is read at a time", field="body")
    (file,) = files
    if not isinstance(file, bytes):
        raise UnsupportedMediaTypeError("a row is read from one encoded picture", field="files[0]")
    return file, "files[0]"


def _described(job: ReadJob, digit: ReadDigit) -> dict[str, Any]:
    piece = job.row.pieces[digit.piece]
    x, y, width, height = piece.box
    return {
        **job.target.names[digit.digit],
        "confidence": digit.confidence,
        "box": {"x": x, "y": y, "width": width, "height": height},
        "split": piece.is_split,
    }


def _warnings(job: ReadJob, reading: Reading) -> list[str]:
    return [NOT_AS_EXPECTED] if job.digits not in (None, len(reading.digits)) else []
