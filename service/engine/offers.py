"""A model's two files beside its versions: `labels.json` and `serving.json`, read while running.

    models/cnn/labels.json      {"stable": 3, "canary": 4}
    models/cnn/serving.json     {"version_policy": "latest:2", "canary_share": 0.1, "shadow_share": 1.0}

Both may be absent, and so may every key of the second. What cannot be used is logged once, and what was read before
stays in force.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Generic, TypeVar

import msgspec

from service import logs
from service.catalogue import Offer
from service.engine.policy import Policy

log = logs.get(__name__)

LABELS = "labels.json"
SERVING = "serving.json"

_Label = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
_Labels = dict[_Label, Annotated[int, msgspec.Meta(ge=1)]]
_Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Content = TypeVar("Content")


class _Serving(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    version_policy: str | None = None
    canary_share: _Share | None = None
    shadow_share: _Share | None = None

    def __post_init__(self) -> None:
        if self.version_policy is not None:
            Policy.parse(self.version_policy)


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds for a model that has no `serving.json`."""

    version_policy: str
    canary_share: float = 0.0
    shadow_share: float = 1.0


class ModelFiles:
    """The two files of one model."""

    def __init__(self, model: Path, defaults: Defaults) -> None:
        self._defaults = defaults
        self._labels = _JsonFile(model / LABELS, _Labels, {})
        self._serving = _JsonFile(model / SERVING, _Serving, _Serving())

    def read(self) -> tuple[Policy, Offer]:
        """What they say now: which versions are wanted, and how they are offered."""
        serving, defaults = self._serving.read(), self._defaults
        canary_share, shadow_share = serving.canary_share, serving.shadow_share
        return Policy.parse(serving.version_policy or defaults.version_policy), Offer(
            dict(self._labels.read()),
            defaults.canary_share if canary_share is None else canary_share,
            defaults.shadow_share if shadow_share is None else shadow_share,
        )


class _JsonFile(Generic[Content]):
    """The last good content of a file, or what stands for it where there is none."""

    def __init__(self, path: Path, content_type: type[Content], absent: Content) -> None:
        self._path = path
        self._decoder = msgspec.json.Decoder(content_type)
        self._absent = absent
        self._content = absent
        self._seen: bytes | str | None = None
        """The bytes, or the error, that were met last: what has not changed is not judged again."""

    def read(self) -> Content:
        try:
            found = self._path.read_bytes()
        except FileNotFoundError:
            self._seen = None
            self._content = self._absent
        except OSError as error:
            self._refuse(str(error.strerror))
        else:
            self._take(found)
        return self._content

    def _take(self, found: bytes) -> None:
        if found == self._seen:
            return
        self._seen = found
        try:
            self._content = self._decoder.decode(found)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            log.error("model_file_refused", file=str(self._path), reason=str(error))

    def _refuse(self, reason: str) -> None:
        if self._seen != reason:
            self._seen = reason
            log.error("model_file_refused", file=str(self._path), reason=reason)
