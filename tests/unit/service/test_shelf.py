"""How versions leave: when nothing waits for them, every worker knows, and nobody has asked for a while."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from prometheus_client import REGISTRY

from service.catalogue import Device, ModelVersion, Offer
from service.engine import news
from service.engine.peers import NONE, Peers
from service.engine.shelf import Shelf

QUIET_SECONDS = 1.0
TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True, eq=False)
class Item:
    version: ModelVersion


class Desk:
    """A shelf with one worker, and a clock driven by hand."""

    def __init__(self) -> None:
        self.shelf: Shelf[Item] = Shelf("cnn", "2.21", Device("cpu", "CPU"), QUIET_SECONDS)
        self.peers = Peers(TIMEOUT_SECONDS)
        self.now_seconds = 0.0
        self.busy: set[Item] = set()

    def come(self, version: int, name: str = "cnn", **card: object) -> Item:
        item = Item(ModelVersion(name, version, "available", None, card))
        self.shelf.apply(news.Available((name, version), item), self.now_seconds)
        return item

    def retire(self, version: int, name: str = "cnn") -> None:
        self.shelf.apply(news.Retired((name, version)), self.now_seconds)

    def ping(self, peer: bytes = b"w", revision: str | None = None) -> None:
        held = self.shelf.catalogue.revision if revision is None else revision
        self.peers.hear(peer, self.shelf.serial(held), self.now_seconds)

    def after(self, seconds: float) -> list[Item]:
        """What leaves when so much time has passed."""
        self.now_seconds += seconds
        return self.shelf.let_go(lambda item: item in self.busy, self.peers, self.now_seconds)

    def states(self) -> dict[int, str]:
        return {v.version: v.state for v in self.shelf.catalogue.versions}


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_version_that_retires_still_serves_and_is_shown_as_unloading(desk: Desk) -> None:
    one = desk.come(1)
    desk.retire(1)
    assert desk.shelf.get(("cnn", 1)) is one
    assert desk.states() == {1: "unloading"}
    assert desk.shelf.leaving


def test_it_leaves_when_the_worker_knows_and_nobody_has_asked_for_a_while(desk: Desk) -> None:
    one = desk.come(1)
    desk.ping()
    desk.retire(1)
    assert desk.after(QUIET_SECONDS) == []  # the worker is not known to know
    desk.ping()
    assert desk.after(0.0) == [one]
    assert desk.shelf.get(("cnn", 1)) is None
    assert desk.states() == {}
    assert not desk.shelf.leaving


def test_it_stays_for_a_while_after_the_worker_knows(desk: Desk) -> None:
    one = desk.come(1)
    desk.retire(1)
    desk.ping()
    assert desk.after(QUIET_SECONDS / 2) == []
    desk.busy = {one}
    assert desk.after(QUIET_SECONDS) == []
    desk.busy = set()
    assert desk.after(QUIET_SECONDS / 2) == []
    assert desk.after(QUIET_SECONDS / 2) == [one]


def test_one_worker_that_does_not_know_keeps_it_until_it_is_not_heard_of_any_more(desk: Desk) -> None:
    one = desk.come(1)
    before = desk.shelf.catalogue.revision
    desk.retire(1)
    desk.ping(b"a")
    desk.ping(b"b", before)
    desk.after(TIMEOUT_SECONDS)
    assert desk.shelf.get(("cnn", 1)) is one
    desk.ping(b"a")
    assert desk.after(0.1) == [one]


@pytest.mark.parametrize("revision", ["", "another-7", "x", "-", "another"])
def test_a_worker_that_holds_no_catalogue_of_ours_is_not_known_to_know(desk: Desk, revision: str) -> None:
    desk.come(1)
    desk.retire(1)
    desk.ping(revision=revision)
    assert desk.shelf.serial(revision) == NONE
    assert desk.after(QUIET_SECONDS) == []


def test_a_later_catalogue_tells_of_it_too(desk: Desk) -> None:
    one = desk.come(1)
    desk.retire(1)
    desk.come(2)
    desk.ping()
    desk.come(3)
    assert desk.after(QUIET_SECONDS) == [one]


def test_without_workers_it_leaves_after_the_while(desk: Desk) -> None:
    one = desk.come(1)
    desk.retire(1)
    assert desk.after(QUIET_SECONDS / 2) == []
    assert desk.after(QUIET_SECONDS / 2) == [one]


def test_what_is_replaced_in_place_leaves_as_soon_as_nothing_waits_for_it(desk: Desk) -> None:
    old = desk.come(1, mark="old")
    new = desk.come(1, mark="new")
    assert desk.shelf.get(("cnn", 1)) is new
    assert desk.shelf.catalogue.versions[0].card == {"mark": "new"}
    desk.busy = {old}
    assert desk.after(0.0) == []
    desk.busy = set()
    assert desk.after(0.0) == [old]
    assert desk.states() == {1: "available"}


def test_a_version_that_comes_again_on_its_way_out_stays(desk: Desk) -> None:
    old = desk.come(1)
    desk.retire(1)
    new = desk.come(1)
    assert desk.states() == {1: "available"}
    assert desk.after(QUIET_SECONDS) == [old]
    assert desk.shelf.get(("cnn", 1)) is new
    assert desk.states() == {1: "available"}


def test_a_version_refused_on_its_way_out_stays_refused(desk: Desk) -> None:
    old = desk.come(1)
    desk.retire(1)
    desk.shelf.apply(news.Refused(("cnn", 1), "why"), desk.now_seconds)
    assert desk.after(QUIET_SECONDS) == [old]
    assert desk.states() == {1: "failed"}


def test_every_change_is_a_new_revision(desk: Desk) -> None:
    seen = {desk.shelf.catalogue.revision}
    for change in (
        news.Loading(("cnn", 1)),
        news.Refused(("cnn", 1), "why"),
        news.Gone(("cnn", 1)),
        news.Offered("cnn", Offer({"stable": 1})),
        news.Offered("cnn", None),
    ):
        desk.shelf.apply(change, 0.0)
        assert desk.shelf.catalogue.revision not in seen
        seen.add(desk.shelf.catalogue.revision)


def test_ready_is_the_default_model_available_and_settled(desk: Desk) -> None:
    desk.come(1, "other")
    desk.shelf.apply(news.Settled("other"), 0.0)
    told = [desk.shelf.ready]
    desk.come(1)
    told.append(desk.shelf.ready)
    desk.shelf.apply(news.Settled("cnn"), 0.0)
    told.append(desk.shelf.ready)
    desk.retire(1)
    told.append(desk.shelf.ready)
    desk.come(2)
    told.append(desk.shelf.ready)
    assert told == [False, False, True, False, True]


def test_offers_are_by_model(desk: Desk) -> None:
    desk.shelf.apply(news.Offered("cnn", Offer({"stable": 1})), 0.0)
    desk.shelf.apply(news.Offered("mlp", Offer({}, 0.5)), 0.0)
    assert desk.shelf.catalogue.offers == {"cnn": Offer({"stable": 1}), "mlp": Offer({}, 0.5)}
    desk.shelf.apply(news.Offered("cnn", None), 0.0)
    assert set(desk.shelf.catalogue.offers) == {"mlp"}


def test_the_metrics_of_a_version_that_is_gone_are_zero(desk: Desk) -> None:
    name = "only-here"

    def facts() -> list[float]:
        return [
            sample.value
            for metric in REGISTRY.collect()
            if metric.name in ("digits_model_info", "digits_model_state")
            for sample in metric.samples
            if sample.labels.get("model") == name
        ]

    desk.come(1, name, dataset={"name": "mnist"})
    assert sorted(facts()) == [0, 0, 0, 1, 1]
    desk.come(1, name, dataset={"name": "emnist"})
    assert sorted(facts()) == [0, 0, 0, 0, 1, 1]
    desk.after(0.0)
    desk.retire(1, name)
    assert sorted(facts()) == [0, 0, 0, 0, 1, 1]
    desk.after(QUIET_SECONDS)
    assert set(facts()) == {0}
