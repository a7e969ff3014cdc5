"""What an engine serves: its models, their versions and states, as it tells the workers."""

from __future__ import annotations

from typing import Any, Literal, get_args

import msgspec

from service.errors import NotReadyError, UnknownLabelError, UnknownModelError, UnknownVersionError

State = Literal["loading", "available", "unloading", "failed"]
STATES: tuple[State, ...] = get_args(State)


class Device(msgspec.Struct, frozen=True):
    """What the models run on."""

    kind: Literal["cpu", "gpu"]
    name: str
    """As the runtime names it: `"CPU"`, `"NVIDIA L4"`."""


class TensorInfo(msgspec.Struct, frozen=True):
    """An input or output of a signature, as the SavedModel describes it."""

    name: str
    """In the graph: `"serving_default_images:0"`."""
    dtype: str
    """TensorFlow's name of it: `"DT_UINT8"`."""
    shape: tuple[int, ...] | None
    """-1 for a dimension that may have any size; None where not even their number is known."""


class Signature(msgspec.Struct, frozen=True):
    """A function of a SavedModel."""

    inputs: dict[str, TensorInfo]
    outputs: dict[str, TensorInfo]
    method_name: str
    """`"tensorflow/serving/predict"` for nearly all."""


class Offer(msgspec.Struct, frozen=True):
    """How a model's versions are offered."""

    labels: dict[str, int] = {}
    canary_share: float = 0.0
    """Of the requests that name neither version nor label, the part that the version labelled `canary` answers."""
    shadow_share: float = 0.0
    """The part of them that the version labelled `shadow` is asked too, without being heard."""


class ModelVersion(msgspec.Struct, frozen=True):
    """One directory `<name>/<version>/` and what became of it."""

    name: str
    version: int
    state: State
    reason: str | None = None
    """Why it failed; None otherwise."""
    card: dict[str, Any] = {}
    signatures: dict[str, Signature] = {}
    runtime: Literal["tensorflow", "litert"] | None = None
    """What its predictions run in; None while it does not run."""

    @property
    def labels(self) -> list[str]:
        labels: list[str] = self.card["labels"]
        return labels

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Of one picture: (height, width, channels)."""
        return tuple(self.card["input"]["shape"])

    @property
    def preparation(self) -> str:
        """Which preparation of pictures the model was trained for, by its name in `service.images.preparations`."""
        preparation: str = self.card["input"].get("preparation", "none")
        return preparation


class Catalogue(msgspec.Struct, frozen=True):
    """Everything a worker knows of an engine. A new `revision` for every change."""

    revision: str
    engine_id: str
    engine_pid: int
    started: str
    """ISO 8601, UTC."""
    tensorflow: str
    device: Device
    versions: tuple[ModelVersion, ...]
    offers: dict[str, Offer] = {}
    """By model; a model without one is offered as `Offer()` says."""

    def offer(self, model: str) -> Offer:
        """How `model`'s versions are offered."""
        return self.offers.get(model, NO_OFFER)

    def of(self, model: str) -> list[ModelVersion]:
        """All versions of a model, newest first.

        :raise UnknownModelError: no directory of that name.
        """
        found = sorted((v for v in self.versions if v.name == model), key=lambda v: -v.version)
        if not found:
            known = ", ".join(sorted({v.name for v in self.versions})) or "none"
            raise UnknownModelError(f"there is no model {model!r}; models here: {known}", field="model")
        return found

    def resolve(self, model: str, version: int | None = None, label: str | None = None) -> ModelVersion:
        """The version that answers: the one asked for, by number or label, or the one for those who name none.

        That is the one labelled `stable` if it is available; else the newest available one that is not being tried out
        as `canary` or `shadow`; else the newest available one.

        :raise UnknownModelError, UnknownVersionError, UnknownLabelError: it does not exist, or failed to load.
        :raise NotReadyError: it is still being loaded.
        """
        versions = self.of(model)
        labels = self.offer(model).labels
        if label is not None:
            if label not in labels:
                known = ", ".join(sorted(labels)) or "none"
                raise UnknownLabelError(f"{model!r} has no label {label!r}; its labels: {known}", field="label")
            version = labels[label]
        if version is not None:
            return self._the_one(model, versions, version, "version" if label is None else "label")
        available = [v for v in versions if v.state == "available"]
        on_trial = {labels[name] for name in ("canary", "shadow") if name in labels}
        for candidates in (
            [v for v in available if v.version == labels.get("stable")],
            [v for v in available if v.version not in on_trial],
            available,
        ):
            if candidates:
                return candidates[0]
        if any(v.state == "loading" for v in versions):
            raise NotReadyError(f"model {model!r} is being loaded", retry_after_seconds=1)
        if all(v.state == "unloading" for v in versions):
            raise UnknownModelError(f"model {model!r} is being unloaded", field="model")
        reason = next(v.reason for v in versions if v.state == "failed")
        raise UnknownVersionError(f"no version of {model!r} could be loaded: {reason}", field="model")

    def _the_one(self, model: str, versions: list[ModelVersion], version: int, field: str) -> ModelVersion:
        found = next((v for v in versions if v.version == version), None)
        if found is None:
            known = ", ".join(str(v.version) for v in versions)
            raise UnknownVersionError(f"version {version} of {model!r} is not loaded; loaded: {known}", field=field)
        if found.state == "available":
            return found
        if found.state == "loading":
            raise NotReadyError(f"version {version} of {model!r} is being loaded", retry_after_seconds=1)
        why = "is being unloaded" if found.state == "unloading" else f"could not be loaded: {found.reason}"
        raise UnknownVersionError(f"version {version} of {model!r} {why}", field=field)


NO_OFFER = Offer()
