"""A request to a signature: its arrays on the way to the engine, and the outputs that come back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt

from service.catalogue import Signature
from service.endpoint import Facts, Solitary
from service.errors import UnknownSignatureError
from service.router import Router, Target, Wanted
from service.tfserving.request import Form

Array = npt.NDArray[Any]

IMAGES = "images"
"""The input that takes pictures."""
_NUMBERS_A_PICTURE = 10
"""Whatever has been asked, writing it takes as long as so many numbers for each picture do."""
_BATCHED = frozenset(("probabilities", "energy"))


@dataclass(slots=True)
class RestJob(Solitary):
    """A request whose arrays are ready for the model."""

    router: Router
    wanted: Wanted
    target: Target
    signature: str
    form: Form
    tensors: dict[str, Array]
    is_batched: bool
    budget_seconds: float
    stages: dict[str, float]
    """Seconds by stage, in the order passed."""
    outputs: Mapping[str, Array] = field(default_factory=dict)
    """By name; filled by `ask`."""
    batch_pictures: int = 0

    @property
    def pictures(self) -> int:
        return sum(values.size for values in self.outputs.values()) // _NUMBERS_A_PICTURE

    async def ask(self) -> None:
        if self.is_batched:
            await self._predict()
        else:
            await self._run()

    async def _predict(self) -> None:
        images = self.tensors[IMAGES]
        found, self.target = await self.router.predict(self.wanted, self.target, images, self.budget_seconds)
        self.stages["queue"], self.stages["inference"] = found.queue_seconds, found.inference_seconds
        self.batch_pictures = found.batch_pictures
        given = {"probabilities": found.probabilities, "energy": found.energy}
        names = signature_of(self.target, self.signature).outputs
        self.outputs = {name: given[name] for name in names if name in given}
        best = found.probabilities.max(axis=1)
        self.target.observer.predicted(found.probabilities.argmax(axis=1).tolist(), list(best))

    async def _run(self) -> None:
        found, self.target = await self.router.run(
            self.wanted, self.target, self.signature, self.tensors, (), self.budget_seconds
        )
        self.stages["queue"], self.stages["inference"] = found.queue_seconds, found.inference_seconds
        self.outputs = found.tensors

    def facts(self) -> Facts:
        version = self.target.version
        return Facts(version.name, version.version, _rows(self.tensors), self.stages, self.batch_pictures)

    def passed(self, write_seconds: float) -> None:
        self.stages["write"] = write_seconds
        if self.is_batched:
            self.target.observer.passed(self.stages)


def _rows(tensors: Mapping[str, Array]) -> int:
    return max((len(values) for values in tensors.values() if values.ndim), default=1)


def signature_of(target: Target, name: str) -> Signature:
    """A function of the version that answers.

    :raise UnknownSignatureError: it has none of that name.
    """
    return named_signature(target, name, 'Serving signature name: "{}" not found in signature def')


def is_batched(target: Target, signature: Signature) -> bool:
    """Whether a signature is the one whose pictures the engine gathers into batches."""
    if set(signature.inputs) != {IMAGES} or not signature.outputs or not _BATCHED.issuperset(signature.outputs):
        return False
    info = signature.inputs[IMAGES]
    return "probabilities" in signature.outputs and info.dtype == "DT_UINT8" and info.shape == (-1, *target.shape)


def named_signature(target: Target, name: str, missing: str) -> Signature:
    """The same; `missing` is what to say, with `{}` for the name, if there is none."""
    found = target.version.signatures.get(name)
    if found is None:
        raise UnknownSignatureError(missing.format(name[:80]))
    return found
