"""`POST /v2/models/<model>[/versions/<version>]/infer`: from a request's body to its answer.

    body ── begin ──▶ InferJob (tensors ready for the model) ── ask ──▶ outputs ── finish ──▶ JSON, binary data

`serving_default` goes the way of all predictions, in batches; every other signature is called for this request alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy.typing as npt

from service.endpoint import Call, Facts, Solitary
from service.errors import InvalidParameterError
from service.images.limits import PictureLimits
from service.oip.addressing import SERVING, infer_address, is_infer, signature_of
from service.oip.answer import answer
from service.oip.inputs import InputLimits, read_inputs
from service.oip.message import LENGTH_HEADER, InferenceRequest, parse
from service.responses import Reply
from service.router import Router, Target, Wanted
from service.settings import Settings

_LENGTH_HEADER: Final = LENGTH_HEADER.lower().encode()
_LIGHT_JSON_BYTES: Final = 16_384
_LIGHT_BINARY_BYTES: Final = 2**18
"""Of numbers that have to be converted; those of the model's own dtype cost nothing."""

Array = npt.NDArray[Any]


@dataclass(slots=True)
class InferJob(Solitary):
    """A request whose tensors are ready for the model."""

    endpoint: OpenInference
    wanted: Wanted
    target: Target
    request: InferenceRequest
    tensors: dict[str, Array]
    budget_seconds: float
    stages: dict[str, float]
    """Seconds by stage, in the order passed."""
    outputs: dict[str, Array] = field(default_factory=dict)
    """At least those that are wanted, by name, in order; filled by `ask`."""
    batch_pictures: int = 0

    @property
    def pictures(self) -> int:
        return max((len(values) for values in self.tensors.values() if values.ndim), default=1)

    async def ask(self) -> None:
        await self.endpoint.ask(self)

    def facts(self) -> Facts:
        version = self.target.version
        return Facts(version.name, version.version, self.pictures, self.stages, self.batch_pictures)

    def passed(self, write_seconds: float) -> None:
        self.stages["write"] = write_seconds
        if self.request.signature == SERVING:
            self.target.observer.passed(self.stages)


class OpenInference:
    """The endpoint. `clock` gives seconds; tests put a still one in."""

    route = "/v2/models/<name>/infer"

    def __init__(self, settings: Settings, router: Router, clock: Callable[[], float]) -> None:
        self._router = router
        self._clock = clock
        picture = PictureLimits(max_pixels=settings.max_pixels)
        self._limits = InputLimits(settings.max_pictures, picture)
        # What is not split into batches must fit into one: all of its layers' values may be asked for at once.
        self._unsplit_limits = InputLimits(min(settings.max_batch_size, settings.max_pictures), picture)

    def matches(self, path: str) -> bool:
        return is_infer(path)

    def is_heavy(self, call: Call) -> bool:
        length = call.header(_LENGTH_HEADER)
        if not length:
            return len(call.body) > _LIGHT_JSON_BYTES or b'"BYTES"' in call.body
        # Wherever the header ends, it is in the first part of the body; numbers that look like it do no harm.
        end = (
            min(int(length), _LIGHT_JSON_BYTES + 1) if length.isascii() and length.isdigit() and len(length) < 18 else 0
        )
        header = call.body[:end]
        if len(header) > _LIGHT_JSON_BYTES or b'"BYTES"' in header:
            return True
        return len(call.body) > _LIGHT_BINARY_BYTES and bool(header) and b'"UINT8"' not in header

    def begin(self, call: Call) -> InferJob:
        """Find the model, take the body apart, check and prepare its tensors.

        :raise ServiceError: any fault of the input; its field is the tensor's name where it is a tensor's.
        """
        model, version = infer_address(call.path)
        request = parse(call.body, call.header(_LENGTH_HEADER))
        if version is not None and request.label is not None:
            raise InvalidParameterError("name a version or a label, not both", field="parameters.label")
        wanted = Wanted(model, version, request.label, call.request_id)
        target = self._router.target(wanted)
        signature = signature_of(target.version, request.signature)
        for wish in request.wishes:
            if wish.name not in signature.outputs:
                known = ", ".join(signature.outputs)
                raise InvalidParameterError(f"the model has no such output; its outputs: {known}", field=wish.name[:80])
        read = self._clock()
        limits = self._limits if request.signature == SERVING else self._unsplit_limits
        tensors = read_inputs(request, signature, target, limits)
        decoded = self._clock()
        return InferJob(
            self,
            wanted,
            target,
            request,
            tensors,
            call.budget_seconds - (decoded - call.started_seconds),
            {"read": read - call.started_seconds, "decode": decoded - read},
        )

    async def ask(self, job: InferJob) -> None:
        """Get the outputs that `job` wants from the engine.

        :raise ServiceError: as `Router.predict` and `Router.run` do.
        """
        await (self._predict(job) if job.request.signature == SERVING else self._run(job))

    async def _predict(self, job: InferJob) -> None:
        (images,) = job.tensors.values()
        found, job.target = await self._router.predict(job.wanted, job.target, images, job.budget_seconds)
        job.stages["queue"] = found.queue_seconds
        job.stages["inference"] = found.inference_seconds
        job.batch_pictures = found.batch_pictures
        given: dict[str, Array] = {"probabilities": found.probabilities, "energy": found.energy}
        job.outputs = {name: given[name] for name in signature_of(job.target.version, SERVING).outputs if name in given}

    async def _run(self, job: InferJob) -> None:
        wishes = tuple(wish.name for wish in job.request.wishes)
        name = job.request.signature
        found, job.target = await self._router.run(
            job.wanted, job.target, name, job.tensors, wishes, job.budget_seconds
        )
        job.stages["queue"] = found.queue_seconds
        job.stages["inference"] = found.inference_seconds
        in_order = wishes or signature_of(job.target.version, name).outputs
        job.outputs = {output: found.tensors[output] for output in in_order}

    def finish(self, job: InferJob) -> Reply:
        """The answer to `job`; counts what was predicted."""
        labels: dict[str, list[str]] = {}
        if job.request.signature == SERVING:
            probabilities = job.outputs["probabilities"]
            job.target.observer.predicted(probabilities.argmax(axis=1).tolist(), list(probabilities.max(axis=1)))
            labels["probabilities"] = job.target.version.labels
        return answer(job.request, job.target.version, job.outputs, labels)
