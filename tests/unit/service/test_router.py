"""Which version answers whom: by name, by label, by share, and when the one that was chosen has left."""

from __future__ import annotations

import asyncio
from collections import Counter

import msgspec
import numpy as np
import orjson
import pytest
from prometheus_client import REGISTRY

from service.catalogue import Offer
from service.router import Wanted, _share
from tests.unit.service import bodies
from tests.unit.service.running import pictures, until
from tests.unit.service.site import Answer, Site
from tests.unit.service.tiny_engine import CARD, CNN, TinyEngine

PNG = bodies.png(bodies.digit())
TWO = msgspec.structs.replace(CNN, version=2)
THREE = msgspec.structs.replace(CNN, version=3)
OTHER_SHAPE = msgspec.structs.replace(CNN, version=4, card={**CARD, "input": {"shape": [4, 5, 3]}})


def offer(site: Site, *versions: object, **how: object) -> None:
    """Let the engine serve these versions of cnn in this way, and wait until the worker knows."""
    serve(site.engine, *versions, **how)
    revision = site.engine.catalogue.revision
    site.wait_until(lambda: site.client.catalogue.offers == {"cnn": Offer(**how)} and bool(revision))  # type: ignore[arg-type]


def serve(engine: TinyEngine, *versions: object, **how: object) -> None:
    engine.serve(*versions, offers={"cnn": Offer(**how)})  # type: ignore[arg-type]


def version_of(answer: Answer) -> int:
    assert answer.status == 200, answer.body
    version: int = orjson.loads(answer.body)["version"]
    return version


def test_labels_name_versions(own_site: Site) -> None:
    offer(own_site, CNN, TWO, THREE, labels={"stable": 2, "canary": 3, "old": 1})
    assert version_of(own_site.over_lane("/predict", PNG)) == 2
    assert version_of(own_site.over_lane("/predict?label=canary", PNG)) == 3
    assert version_of(own_site.over_lane("/predict?label=old", PNG)) == 1
    unknown = own_site.over_lane("/predict?label=blue", PNG)
    assert unknown.status == 404
    error = orjson.loads(unknown.body)["error"]
    assert (error["type"], error["field"]) == ("unknown_label", "label")
    assert "canary, old, stable" in error["message"]


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_the_canary_gets_its_share_and_the_same_callers_each_time(own_site: Site, share: float) -> None:
    offer(own_site, CNN, TWO, labels={"canary": 2}, canary_share=share)

    def ask() -> list[int]:
        return [version_of(own_site.over_lane("/predict", PNG, x_request_id=f"caller-{i}")) for i in range(80)]

    first = ask()
    assert ask() == first
    assert Counter(first)[2] == sum(_share("canary", f"caller-{i}") < share for i in range(80))


def test_who_names_a_version_gets_no_canary(own_site: Site) -> None:
    offer(own_site, CNN, TWO, labels={"canary": 2, "stable": 1}, canary_share=1.0)
    assert version_of(own_site.over_lane("/predict", PNG)) == 2
    assert version_of(own_site.over_lane("/predict?version=1", PNG)) == 1
    assert version_of(own_site.over_lane("/predict?label=stable", PNG)) == 1


def test_a_canary_that_cannot_stand_in_is_left_alone(own_site: Site) -> None:
    offer(own_site, CNN, OTHER_SHAPE, labels={"canary": 4}, canary_share=1.0)
    assert version_of(own_site.over_lane("/predict", PNG)) == 1


def test_shares_are_evenly_spread() -> None:
    shares = np.array([_share("canary", f"request-{i}") for i in range(4000)])
    assert 0 <= shares.min() < shares.max() < 1
    # Chi-square over ten tenths of 400 expected each; 27.9 is the 99.9 % point of nine degrees of freedom.
    counts = np.histogram(shares, bins=10, range=(0, 1))[0]
    assert ((counts - 400) ** 2 / 400).sum() < 27.9
    assert _share("canary", "request-1") != _share("shadow", "request-1")


def metric(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_a_shadow_is_asked_silently_and_compared(own_site: Site) -> None:
    labels = {"model": "cnn", "version": "1", "shadow": "3"}
    seen, differing = (metric(f"digits_shadow_{name}_total", **labels) for name in ("pictures", "disagreements"))
    # The tiny engine's classes depend on the pixels alone, so a shadow agrees unless it is told to differ.
    offer(own_site, CNN, THREE, labels={"shadow": 3}, shadow_share=1.0)
    images = pictures(4)
    assert version_of(own_site.over_lane("/predict", images.tobytes(), content_type=bodies.RAW)) == 1
    own_site.wait_until(lambda: metric("digits_shadow_pictures_total", **labels) == seen + 4)
    assert metric("digits_shadow_disagreements_total", **labels) == differing
    assert [asked.header.version for asked in own_site.engine.asked] == [1, 3]
    assert np.array_equal(own_site.engine.asked[1].images, images)


def test_nobody_waits_for_a_shadow_and_its_failure_is_only_counted(own_site: Site) -> None:
    labels = {"model": "cnn", "shadow": "3"}
    skipped = metric("digits_shadow_skipped_pictures_total", **labels)
    offer(own_site, CNN, msgspec.structs.replace(THREE, name="cnn"), labels={"shadow": 3}, shadow_share=1.0)
    assert version_of(own_site.over_lane("/predict", PNG)) == 1
    own_site.engine.wait_for(2)
    own_site.engine.refusal = ("internal_error", "the shadow is broken")

    async def shown() -> None:
        catalogue = own_site.client.catalogue
        answer = await own_site.client.ask(catalogue.resolve("cnn", 1), pictures(2), 20.0)
        assert answer is None, "the engine refuses everything now"

    with pytest.raises(Exception, match="the shadow is broken"):
        asyncio.run_coroutine_threadsafe(shown(), own_site.loop).result()

    async def show() -> None:
        shadow = own_site.client.catalogue.resolve("cnn", 3)
        answered = own_site.client.catalogue.resolve("cnn", 1)
        own_site.services.router._shadow.show(shadow, answered, pictures(2), np.zeros((2, 10), np.float32))

    asyncio.run_coroutine_threadsafe(show(), own_site.loop).result()
    own_site.wait_until(lambda: metric("digits_shadow_skipped_pictures_total", **labels) == skipped + 2)


def test_who_has_named_no_version_does_not_notice_one_leaving(own_site: Site) -> None:
    """The worker still believes that 2 is there; the engine has only 1."""
    offer(own_site, CNN, TWO)
    assert version_of(own_site.over_lane("/predict", PNG)) == 2
    target = own_site.services.router
    stale = own_site.client.catalogue

    async def ask_late() -> int:
        wanted = Wanted("cnn", None, None, "id-1")
        chosen = target.target(wanted)
        serve(own_site.engine, CNN)
        await until(lambda: own_site.client.catalogue is not stale)
        _, answered = await target.predict(wanted, chosen, pictures(1), 20.0)
        return answered.version.version

    assert asyncio.run_coroutine_threadsafe(ask_late(), own_site.loop).result() == 1
    assert own_site.over_lane("/predict?version=2", PNG).status == 404


def test_how_long_failures_took_is_recorded(own_site: Site) -> None:
    labels = {"model": "cnn", "version": "1"}
    before = metric("digits_failed_seconds_count", **labels)
    own_site.engine.refusal = ("queue_full", "too much")
    assert own_site.over_lane("/predict", PNG).status == 429
    assert metric("digits_failed_seconds_count", **labels) == before + 1
    own_site.engine.refusal = None
    assert own_site.over_lane("/predict", PNG).status == 200
    assert metric("digits_failed_seconds_count", **labels) == before + 1
