"""What the thread that watches the models directory tells the loop, in this order of a version's life.

Loading ──▶ Available ──▶ Retired        the loop lets it go when nobody needs it any more
   │            └────────▶ Available      replaced in place
   └─────▶ Refused ──────▶ Gone           its directory has gone, or changed
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from service.catalogue import Offer
from service.engine.repository import Key

Loaded = TypeVar("Loaded")


@dataclass(frozen=True, slots=True)
class Loading:
    """A version is wanted and not in service yet."""

    key: Key


@dataclass(frozen=True, slots=True)
class Available(Generic[Loaded]):
    """A version is loaded and warmed; one of the same key that is in service is replaced by it."""

    key: Key
    loaded: Loaded


@dataclass(frozen=True, slots=True)
class Refused:
    """A version that is not in service cannot be."""

    key: Key
    reason: str


@dataclass(frozen=True, slots=True)
class Retired:
    """A version in service is wanted no more."""

    key: Key


@dataclass(frozen=True, slots=True)
class Gone:
    """A version that was announced or refused is not there any more."""

    key: Key


@dataclass(frozen=True, slots=True)
class Offered:
    """How a model's versions are offered from now on; None when the model has gone."""

    model: str
    offer: Offer | None


@dataclass(frozen=True, slots=True)
class Settled:
    """For the first time every wanted version of `model` is in service or refused."""

    model: str


@dataclass(frozen=True, slots=True)
class Obeyed:
    """What a worker asked for has been done, and told of before this; or why not."""

    peer: bytes
    id: int
    error: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Opened(Generic[Loaded]):
    """The signatures of a version that look inside can be called; or `error` says why not."""

    loaded: Loaded
    error: str = ""


News = Loading | Available[Loaded] | Refused | Retired | Gone | Offered | Settled | Obeyed | Opened[Loaded]
