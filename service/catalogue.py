"""What an engine serves: its models, their versions and states, as it tells the workers."""

from __future__ import annotations

from typing import Any, Literal, get_args

import msgspec

from service.errors import NotReadyError, UnknownModelError, UnknownVersionError

State = Literal["loading", "available", "failed"]
STATES: tuple[State, ...] = get_args(State)


class Device(msgspec.Struct, frozen=True):
    """What the models run on."""

    kind: Literal["cpu", "gpu"]
    name: str
    """As the runtime names it: `"CPU"`, `"NVIDIA L4"`."""


class ModelVersion(msgspec.Struct, frozen=True):
    """One directory `<name>/<version>/` and what became of it."""

    name: str
    version: int
    state: State
    reason: str | None = None
    """Why it failed; None otherwise."""
    card: dict[str, Any] = {}

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
        """Which picture preparation the model was trained for; `"mnist"` is the only one yet."""
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

    def of(self, model: str) -> list[ModelVersion]:
        """All versions of a model, newest first.

        :raise UnknownModelError: no directory of that name.
        """
        found = sorted((v for v in self.versions if v.name == model), key=lambda v: -v.version)
        if not found:
            known = ", ".join(sorted({v.name for v in self.versions})) or "none"
            raise UnknownModelError(f"there is no model {model!r}; models here: {known}", field="model")
        return found

    def resolve(self, model: str, version: int | None = None) -> ModelVersion:
        """The version that answers: the one asked for, or the newest that is available.

        :raise UnknownModelError, UnknownVersionError: it does not exist, or failed to load.
        :raise NotReadyError: it is still being loaded.
        """
        candidates = self.of(model)
        if version is not None:
            candidates = [v for v in candidates if v.version == version]
            if not candidates:
                known = ", ".join(str(v.version) for v in self.of(model))
                raise UnknownVersionError(
                    f"version {version} of {model!r} is not loaded; loaded: {known}", field="version"
                )
        for candidate in candidates:
            if candidate.state == "available":
                return candidate
        if any(v.state == "loading" for v in candidates):
            raise NotReadyError(f"model {model!r} is being loaded", retry_after_seconds=1)
        raise UnknownVersionError(
            f"no version of {model!r} could be loaded: {candidates[0].reason}",
            field="model" if version is None else "version",
        )
