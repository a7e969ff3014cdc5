"""Which version answers a request, and asking it.

    Wanted ── target ──▶ Target ── predict ──▶ Answer, and the Target that gave it

- A version or label that is named is the one that answers. For everyone else the catalogue chooses, and the versions
  labelled `canary` and `shadow` get their share of that traffic (`service.catalogue.Offer`).
- Shares go by the request's id, so a caller who repeats an id gets the same version again, in every worker.
- A version may leave between choosing and asking; who has not named it is then served by its successor.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt
import orjson

from service import metrics
from service.catalogue import Catalogue, ModelVersion
from service.client import Answer, EngineClient, Outputs
from service.endpoint import ApartError
from service.errors import NotReadyError, ServiceError, UnknownVersionError
from service.images import suits
from service.observation import Observer
from service.shadow import Shadow

CANARY, SHADOW = "canary", "shadow"
Found = TypeVar("Found")


class Wanted(msgspec.Struct, frozen=True):
    """What a request says of the version that shall answer it."""

    model: str
    version: int | None
    label: str | None
    request_id: str

    @property
    def is_open(self) -> bool:
        """Whether any version of the model will do."""
        return self.version is None and self.label is None


@dataclass(frozen=True, slots=True)
class Target:
    """A version that answers, with what each request needs of it worked out once."""

    version: ModelVersion
    shape: tuple[int, ...]
    """Of one picture: (height, width, channels)."""
    names: list[dict[str, Any]]
    """Each class by the name that fits it: `{"digit": 7}` where labels are digits, `{"label", "index"}` elsewhere."""
    reads_pictures: bool
    """Whether a preparation of encoded pictures is known for it; else it takes arrays only."""
    observer: Observer
    reject_above: float | None
    """The energy from which on a picture is taken for no digit, chosen on validation data; None: the card has none."""
    name_members: tuple[bytes, ...] = field(init=False)
    """The same as JSON, without braces."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "name_members", tuple(orjson.dumps(name)[1:-1] for name in self.names))


@dataclass(frozen=True, slots=True)
class _Choice:
    """What a (model, version, label) comes to as long as the catalogue stays the same."""

    target: Target
    canary: Target | None = None
    canary_share: float = 0.0
    shadow: ModelVersion | None = None
    shadow_share: float = 0.0


class Router:
    """One per worker. `target` may be called from any thread, `predict` belongs to the client's loop."""

    def __init__(self, client: EngineClient) -> None:
        self._client = client
        self._shadow = Shadow(client)
        self._choices: tuple[Catalogue | None, dict[tuple[str, int | None, str | None], _Choice]] = (None, {})
        self._observers: dict[tuple[str, int], Observer] = {}

    def target(self, wanted: Wanted) -> Target:
        """The version that answers.

        :raise NotReadyError: there is no engine, or it is still loading that version.
        :raise UnknownModelError, UnknownVersionError, UnknownLabelError: there is none such.
        """
        if not self._client.ready:
            raise NotReadyError("the engine is not ready", retry_after_seconds=2)
        choice = self._choice(wanted)
        if choice.canary is not None and _share(CANARY, wanted.request_id) < choice.canary_share:
            return choice.canary
        return choice.target

    async def predict(
        self, wanted: Wanted, target: Target, images: npt.NDArray[np.uint8], budget_seconds: float
    ) -> tuple[Answer, Target]:
        """Classify `images`, uint8 (N, *target.shape). The target that answered is another if the first has left.

        :raise ServiceError: as `EngineClient.ask` does.
        """
        answer, target = await self._asked(
            wanted, target, None, lambda version: self._client.ask(version, images, budget_seconds)
        )
        self._show(wanted, target, images, answer)
        return answer, target

    async def predict_together(
        self,
        wanted: Sequence[Wanted],
        target: Target,
        images: Sequence[npt.NDArray[np.uint8]],
        budget_seconds: float,
    ) -> list[Answer]:
        """`predict` for many at once, each with its `images`, for all of whom `target` was chosen.

        :raise ApartError: there is no room for all of them, but for some there may be; or the version has just left, and who
            shall answer instead is for each to ask by itself.
        :raise ServiceError: as `EngineClient.ask` does.
        """
        started, version = time.monotonic(), target.version
        together = np.concatenate(images)
        if not self._client.has_room(len(together)):
            raise ApartError
        try:
            answer = await self._client.ask(version, together, budget_seconds)
        except UnknownVersionError as fault:
            raise ApartError from fault
        except ServiceError:
            _note_failure(version, time.monotonic() - started, requests=len(wanted))
            raise
        answers, start = [], 0
        for one, pictures in zip(wanted, images, strict=True):
            stop = start + len(pictures)
            answers.append(answer.part(start, stop))
            self._show(one, target, pictures, answers[-1])
            start = stop
        return answers

    def _show(self, wanted: Wanted, target: Target, images: npt.NDArray[np.uint8], answer: Answer) -> None:
        """To the version labelled shadow, if it is that request's turn."""
        if wanted.is_open:
            try:
                choice = self._choice(wanted)
            except ServiceError:
                return  # the model has left meanwhile; the answer stands
            if choice.shadow is not None and _share(SHADOW, wanted.request_id) < choice.shadow_share:
                self._shadow.show(choice.shadow, target.version, images, answer.probabilities)

    async def run(
        self,
        wanted: Wanted,
        target: Target,
        signature: str,
        tensors: Mapping[str, npt.NDArray[Any]],
        outputs: Sequence[str],
        budget_seconds: float,
    ) -> tuple[Outputs, Target]:
        """Call any signature of `target`, or of its successor if it has left; see `EngineClient.run`.

        :raise ServiceError: as `EngineClient.run` does.
        """
        found, target = await self._asked(
            wanted,
            target,
            signature,
            lambda version: self._client.run(version, signature, tensors, outputs, budget_seconds),
        )
        target.observer.answered()
        return found, target

    async def _asked(
        self,
        wanted: Wanted,
        target: Target,
        signature: str | None,
        ask: Callable[[ModelVersion], Awaitable[Found]],
    ) -> tuple[Found, Target]:
        """`ask` of the target, or of its successor if it has left; how long a failure took is recorded."""
        started = time.monotonic()
        try:
            try:
                return await ask(target.version), target
            except UnknownVersionError:
                successor = self._successor(wanted, target, signature)
                if successor is None:
                    raise
                target = successor
                return await ask(target.version), target
        except ServiceError:
            _note_failure(target.version, time.monotonic() - started)
            raise

    def _successor(self, wanted: Wanted, gone: Target, signature: str | None = None) -> Target | None:
        """Who answers in place of `gone`; None if nobody can do so with the same pictures, or the same tensors."""
        if wanted.version is not None:
            return None
        try:
            found = self.target(wanted)
        except ServiceError:
            return None
        if found.version.version == gone.version.version or found.shape != gone.shape:
            return None
        if signature is not None and _inputs(found, signature) != _inputs(gone, signature):
            return None
        return found

    def _choice(self, wanted: Wanted) -> _Choice:
        catalogue = self._client.catalogue
        of, choices = self._choices  # one pair: another thread may put a newer one in its place meanwhile
        if of is not catalogue:
            _, choices = self._choices = (catalogue, {})
        key = (wanted.model, wanted.version, wanted.label)
        choice = choices.get(key)
        if choice is None:
            choice = choices[key] = self._choose(catalogue, wanted)
        return choice

    def _choose(self, catalogue: Catalogue, wanted: Wanted) -> _Choice:
        version = catalogue.resolve(wanted.model, wanted.version, wanted.label)
        target = self._target(version)
        if not wanted.is_open:
            return _Choice(target)
        offer = catalogue.offer(wanted.model)
        canary = _on_trial(catalogue, version, CANARY)
        return _Choice(
            target,
            self._target(canary) if canary is not None and offer.canary_share else None,
            offer.canary_share,
            _on_trial(catalogue, version, SHADOW) if offer.shadow_share else None,
            offer.shadow_share,
        )

    def _target(self, version: ModelVersion) -> Target:
        return Target(
            version,
            version.input_shape,
            [{"digit": i} if name == str(i) else {"label": name, "index": i} for i, name in enumerate(version.labels)],
            suits(version.preparation, version.input_shape),
            self._observer(version),
            version.card.get("rejection", {}).get("energy", {}).get("reject_above"),
        )

    def _observer(self, version: ModelVersion) -> Observer:
        """One per version for good: a new engine's catalogue must not count anew."""
        key = (version.name, version.version)
        if key not in self._observers:
            self._observers[key] = Observer(version)
        return self._observers[key]


def _note_failure(version: ModelVersion, seconds: float, requests: int = 1) -> None:
    failed = metrics.FAILED_SECONDS.labels(version.name, str(version.version))
    for _ in range(requests):
        failed.observe(seconds)


def _inputs(target: Target, signature: str) -> dict[str, tuple[str, tuple[int, ...] | None]] | None:
    """What a signature takes: dtype and shape by name; a tensor's own name in the graph says nothing."""
    found = target.version.signatures.get(signature)
    return None if found is None else {name: (info.dtype, info.shape) for name, info in found.inputs.items()}


def _on_trial(catalogue: Catalogue, main: ModelVersion, label: str) -> ModelVersion | None:
    """The version so labelled, if it can be asked and stand in for `main`: it sees the same pictures."""
    if label not in catalogue.offer(main.name).labels:
        return None
    try:
        found = catalogue.resolve(main.name, label=label)
    except ServiceError:
        return None
    return found if found.version != main.version and found.input_shape == main.input_shape else None


def _share(purpose: str, request_id: str) -> float:
    """A number from 0 up to but not 1, evenly spread, the same for the same id and purpose everywhere."""
    digest = hashlib.blake2b(request_id.encode(), digest_size=4, person=purpose.encode()).digest()
    return int.from_bytes(digest) / 2**32
