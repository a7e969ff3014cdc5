"""The versions in service, those on their way out, and the catalogue that tells of both. Belongs to the loop."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, Protocol, TypeVar

import msgspec

from service import metrics
from service.catalogue import STATES, Catalogue, Device, ModelVersion, State
from service.engine import card_metrics, news
from service.engine.peers import NONE, Peers
from service.engine.repository import Key


class HasVersion(Protocol):
    """What is put on the shelf."""

    @property
    def version(self) -> ModelVersion: ...


Item = TypeVar("Item", bound=HasVersion)


@dataclass(slots=True)
class _Leaving(Generic[Item]):
    item: Item
    serial: int
    """Of the first catalogue that shows it as unloading; NONE where workers need not know: it has been replaced."""
    quiet_since_seconds: float


class Shelf(Generic[Item]):
    """`quiet_seconds`: how long nobody may have asked for a version before it goes.

    A worker that knows that a version is unloading may still have requests on the way which chose it before.
    """

    def __init__(self, default_model: str, tensorflow: str, device: Device, quiet_seconds: float) -> None:
        self._default_model = default_model
        self._quiet_seconds = quiet_seconds
        self._default_settled = False
        self._items: dict[Key, Item] = {}
        self._leaving: list[_Leaving[Item]] = []
        self._serial = 0
        self._info_labels: dict[Key, tuple[str, ...]] = {}
        self.catalogue = Catalogue(
            revision="",
            engine_id=secrets.token_hex(8),
            engine_pid=os.getpid(),
            started=datetime.now(UTC).isoformat(timespec="seconds"),
            tensorflow=tensorflow,
            device=device,
            versions=(),
        )
        self._revise()

    @property
    def ready(self) -> bool:
        """Whether the default model can answer, and its first loading is over."""
        return self._default_settled and any(
            v.name == self._default_model and v.state == "available" for v in self.catalogue.versions
        )

    def items(self) -> Iterable[Item]:
        """What is in service."""
        return self._items.values()

    @property
    def leaving(self) -> bool:
        """Whether `let_go` has something to see to."""
        return bool(self._leaving)

    def get(self, key: Key) -> Item | None:
        """The version in service under (model, version), one that is unloading included."""
        return self._items.get(key)

    def serial(self, revision: str) -> int:
        """Which of our catalogues has this revision, counted from 1; `NONE` if none has."""
        engine_id, _, serial = revision.partition("-")
        return int(serial) if engine_id == self.catalogue.engine_id and serial.isdecimal() else NONE

    # --- coming

    def apply(self, message: news.News[Item], now_seconds: float) -> None:
        """Let the catalogue say what has happened."""
        match message:
            case news.Loading(key):
                self._show(ModelVersion(*key, "loading"))
            case news.Refused(key, reason):
                self._show(ModelVersion(*key, "failed", reason))
            case news.Available(key, item):
                self._put(key, item, now_seconds)
            case news.Retired(key):
                self._retire(key, now_seconds)
            case news.Gone(key):
                self._hide(key)
            case news.Offered(model, offer):
                card_metrics.label(model, self.catalogue.offer(model), offer)
                offers = {name: o for name, o in self.catalogue.offers.items() if name != model}
                if offer is not None:
                    offers[model] = offer
                self.catalogue = msgspec.structs.replace(self.catalogue, offers=offers)
                self._revise()
            case news.Settled(model):
                self._default_settled = self._default_settled or model == self._default_model
            case news.Obeyed() | news.Opened():
                pass  # for those who asked

    def _put(self, key: Key, item: Item, now_seconds: float) -> None:
        old = self._items.get(key)
        if old is not None:
            self._leaving = [leaving for leaving in self._leaving if leaving.item is not old]
            self._leaving.append(_Leaving(old, NONE, now_seconds))
        self._items[key] = item
        self._show(item.version)

    # --- going

    def _retire(self, key: Key, now_seconds: float) -> None:
        item = self._items[key]
        self._show(msgspec.structs.replace(item.version, state="unloading"))
        self._leaving.append(_Leaving(item, self._serial, now_seconds))

    def let_go(self, waited_for: Callable[[Item], bool], peers: Peers, now_seconds: float) -> list[Item]:
        """Those that have left by now: no work waits, every live worker knows, nobody has asked for a while."""
        staying, gone = [], []
        for leaving in self._leaving:
            replaced = leaving.serial == NONE
            if waited_for(leaving.item):
                leaving.quiet_since_seconds = now_seconds
                staying.append(leaving)
            elif replaced or (
                now_seconds - leaving.quiet_since_seconds >= self._quiet_seconds
                and peers.all_hold(leaving.serial, now_seconds)
            ):
                gone.append(leaving.item)
                if not replaced:
                    key = (leaving.item.version.name, leaving.item.version.version)
                    del self._items[key]
                    if any((v.name, v.version) == key and v.state == "unloading" for v in self.catalogue.versions):
                        self._hide(key)  # else it has come again meanwhile, and is loading or refused
            else:
                staying.append(leaving)
        self._leaving = staying
        return gone

    # --- telling

    def _show(self, version: ModelVersion) -> None:
        self._replace((version.name, version.version), version)
        self._measure(version.name, version.version, version.state)
        self._inform(version)

    def _hide(self, key: Key) -> None:
        self._replace(key, None)
        self._measure(*key, None)
        self._inform(ModelVersion(*key, "failed"))

    def _replace(self, key: Key, version: ModelVersion | None) -> None:
        others = [v for v in self.catalogue.versions if (v.name, v.version) != key]
        new = others if version is None else [*others, version]
        self.catalogue = msgspec.structs.replace(self.catalogue, versions=tuple(new))
        self._revise()

    def _revise(self) -> None:
        self._serial += 1
        revision = f"{self.catalogue.engine_id}-{self._serial}"
        self.catalogue = msgspec.structs.replace(self.catalogue, revision=revision)

    def _measure(self, name: str, version: int, current: State | None) -> None:
        for state in STATES:
            metrics.MODEL_STATE.labels(name, str(version), state).set(state == current)

    def _inform(self, version: ModelVersion) -> None:
        """`digits_model_info` of a version that can answer; 0 for one that cannot any more, or with other facts."""
        key, card = (version.name, version.version), version.card
        old = self._info_labels.pop(key, None)
        if old is not None:
            metrics.MODEL_INFO.labels(*old).set(0)
        if version.state in ("available", "unloading"):
            self._info_labels[key] = (
                version.name,
                str(version.version),
                card.get("dataset", {}).get("name", ""),
                str(card.get("architecture", {}).get("parameters", "")),
                str(card.get("metrics", {}).get("test", {}).get("accuracy", "")),
                self.catalogue.device.name,
            )
            metrics.MODEL_INFO.labels(*self._info_labels[key]).set(1)
            card_metrics.describe(version)
