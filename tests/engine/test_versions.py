"""Versions that come and go while the engine answers, in a models directory that it watches."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from service.catalogue import Offer
from tests.engine.conftest import put_version
from tests.engine.peer import Engine, Peer
from tests.processes import eventually, eventually_equal
from tests.reference import Reference

pytestmark = pytest.mark.slow

SOURCES = {1: ("toy", 1), 2: ("toy", 2), 3: ("other", 1)}
"""Three sets of weights to tell versions apart by."""


@dataclass(frozen=True)
class House:
    """An engine over a models directory of its own. Each test has a model of its own in it."""

    engine: Engine
    peer: Peer
    models_dir: Path
    reference: Reference

    def put(self, name: str, version: int, weights: int) -> Path:
        model, number = SOURCES[weights]
        return put_version(self.reference.models_dir / model / str(number), self.models_dir, name, version)

    def answers(self, name: str, version: int) -> int:
        """Whose weights answer."""
        images = self.reference.images[:5]
        found = self.peer.ask(name, version, images).probabilities
        (weights,) = [
            w for w, key in SOURCES.items() if np.allclose(found, self.reference.probabilities[key][:5], atol=1e-5)
        ]
        return weights

    def expect(self, name: str, **states: str) -> None:
        """Wait for `v1="available"` and so on, and nothing else of this model."""
        wanted = {int(version.removeprefix("v")): state for version, state in states.items()}
        eventually_equal(lambda: self.peer.states(name), wanted)

    def reason(self, name: str, version: int) -> str:
        (found,) = [v.reason for v in self.peer.catalogue().of(name) if v.version == version]
        return found or ""


@pytest.fixture(scope="module")
def house(reference: Reference, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    models_dir = tmp_path_factory.mktemp("watched") / "models"
    settings = {"version_policy": "latest:1", "models_poll_seconds": "0.02", "engine_heartbeat_seconds": "0.02"}
    with Engine.started(models_dir, **settings) as engine, engine.connect() as peer:
        house = House(engine, peer, models_dir, reference)
        models_dir.mkdir(exist_ok=True)
        house.put("toy", 1, 1)
        house.expect("toy", v1="available")
        assert peer.ping().ready
        yield house
        assert peer.ping().ready
        assert "Traceback" not in engine.family.log.read_text()


def test_a_new_version_takes_over_while_the_old_one_answers(house: House) -> None:
    house.put("swap", 1, 1)
    house.expect("swap", v1="available")
    house.put("swap", 2, 2)
    seen: list[dict[int, str]] = []
    while not seen or seen[-1].get(2) != "available":
        assert house.answers("swap", 1) == 1  # refused for no moment, whatever is being loaded
        seen.append({v.version: v.state for v in house.peer.held.of("swap")} if house.peer.held else {})
        house.peer.ping("held by a worker that does not know yet")
    # The old one serves on until this peer says that it knows.
    assert house.answers("swap", 1) == 1
    assert house.answers("swap", 2) == 2
    house.expect("swap", v2="available")
    assert house.peer.refusal(house.peer.send("swap", 1, bytes(784))).reason == "unknown_version"
    assert house.answers("swap", 2) == 2


def test_a_version_stays_for_a_worker_that_does_not_know_that_it_goes(house: House) -> None:
    house.put("known", 1, 1)
    house.expect("known", v1="available")
    with house.engine.connect() as late:
        old = late.catalogue().revision
        house.put("known", 2, 2)
        eventually(lambda: house.peer.states("known").get(1) == "unloading")
        for _ in range(50):
            late.ping(old)
            assert house.peer.states("known") == {1: "unloading", 2: "available"}
            assert len(late.ask("known", 1, bytes(784)).energy) == 1
        late.catalogue()
        late.catalogue()
        house.expect("known", v2="available")


def test_work_that_waits_is_finished_by_the_version_it_was_given_to(house: House) -> None:
    house.put("busy", 1, 1)
    house.expect("busy", v1="available")
    images = house.reference.images
    long = house.peer.send("busy", 1, np.tile(images, (100, 1, 1, 1)))
    house.put("busy", 2, 2)
    house.expect("busy", v2="available")
    expected = np.tile(house.reference.probabilities["toy", 1], (100, 1))
    np.testing.assert_allclose(house.peer.answer(long).probabilities, expected, atol=1e-5)


def test_a_change_is_told_without_being_asked(house: House) -> None:
    house.peer.catalogue()
    house.put("news", 1, 1)
    while not any(v.name == "news" and v.state == "available" for v in house.peer.pushed().versions):
        pass


def test_a_half_written_version_is_refused_until_it_is_whole(house: House) -> None:
    house.put("half", 1, 1)
    house.expect("half", v1="available")
    whole = house.put("half", 2, 2).rename(house.models_dir / "half" / ".aside")
    house.expect("half", v1="available")
    partly = house.models_dir / "half" / "2"
    shutil.copytree(whole, partly, ignore=shutil.ignore_patterns("assets.extra"))
    house.expect("half", v1="available", v2="failed")
    # It may be looked at while it is copied, and once more when all of it is there: then it is loading again.
    eventually(lambda: "card.json is missing" in house.reason("half", 2))
    assert house.answers("half", 1) == 1
    shutil.copytree(whole / "assets.extra", partly / "assets.extra")
    house.expect("half", v2="available")
    assert house.answers("half", 2) == 2


def test_an_altered_version_is_refused_once_in_log_catalogue_and_metric(house: House) -> None:
    house.put("altered", 1, 1)
    house.expect("altered", v1="available")
    aside = house.put("aside", 2, 2)
    path = aside / "variables" / "variables.data-00000-of-00001"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    card = json.loads((aside / "assets.extra" / "card.json").read_bytes())
    (aside / "assets.extra" / "card.json").write_text(json.dumps({**card, "name": "altered"}))
    aside.rename(house.models_dir / "altered" / "2")
    house.expect("altered", v1="available", v2="failed")
    assert "does not have the SHA-256" in house.reason("altered", 2)
    # A version of another model that comes after it has gone through a later look than one that would try again.
    house.put("altered-later", 1, 1)
    house.expect("altered-later", v1="available")
    refused = [event for event in house.engine.events("model_refused") if event["model"] == "altered"]
    assert [event["version"] for event in refused] == [2]
    assert house.engine.metric("digits_model_load_failures_total", model="altered", version="2") == 1
    assert house.answers("altered", 1) == 1
    shutil.rmtree(house.models_dir / "altered" / "2")
    house.expect("altered", v1="available")


def test_an_unfit_version_is_refused_and_the_next_one_serves(house: House, odd_models: Path) -> None:
    house.put("unfit", 1, 1)
    put_version(odd_models / "sick", house.models_dir, "unfit", 2)
    house.expect("unfit", v1="available", v2="failed")
    assert "TensorFlow cannot run it" in house.reason("unfit", 2)
    assert house.answers("unfit", 1) == 1


def test_a_deleted_version_goes(house: House) -> None:
    house.put("gone", 1, 1)
    house.put("gone", 2, 2)
    house.expect("gone", v2="available")
    shutil.rmtree(house.models_dir / "gone" / "2")
    house.expect("gone", v1="available")
    shutil.rmtree(house.models_dir / "gone")
    house.expect("gone")
    assert house.peer.refusal(house.peer.send("gone", 1, bytes(784))).reason == "unknown_version"
    state = {"model": "gone", "version": "1", "pid": str(house.engine.family.pid)}
    assert [house.engine.metric("digits_model_state", **state, state=s) for s in ("available", "unloading")] == [0, 0]


def test_a_version_replaced_in_place_is_swapped(house: House) -> None:
    old = house.put("place", 1, 1)
    house.expect("place", v1="available")
    assert house.answers("place", 1) == 1
    old.rename(house.models_dir / "place" / ".old")
    house.put("place", 1, 3)
    eventually_equal(lambda: house.answers("place", 1), 3)
    house.expect("place", v1="available")


def test_a_version_spoiled_in_place_serves_on(house: House) -> None:
    path = house.put("spoiled", 1, 1)
    house.expect("spoiled", v1="available")
    (path / "saved_model.pb").write_bytes(b"")
    eventually(lambda: [e for e in house.engine.events("model_refused") if e["model"] == "spoiled" and e["in_service"]])
    assert house.answers("spoiled", 1) == 1
    house.expect("spoiled", v1="available")


def test_labels_keep_versions_and_are_offered(house: House) -> None:
    for version in (1, 2, 3):
        house.put("label", version, version)
    house.expect("label", v3="available")
    labels = house.models_dir / "label" / "labels.json"
    labels.write_text('{"stable": 1, "nowhere": 9}')
    house.expect("label", v1="available", v3="available")
    catalogue = house.peer.catalogue()
    assert catalogue.offer("label") == Offer({"stable": 1, "nowhere": 9}, 0.0, 1.0)
    assert catalogue.resolve("label").version == 1
    labels.write_text("{")
    eventually(lambda: [e for e in house.engine.events("model_file_refused") if e["file"] == str(labels)])
    assert house.peer.catalogue().offer("label").labels == {"stable": 1, "nowhere": 9}
    labels.unlink()
    house.expect("label", v3="available")
    assert house.peer.catalogue().offer("label").labels == {}


def test_a_model_has_its_own_policy_and_shares(house: House) -> None:
    house.put("own", 1, 1)
    house.put("own", 2, 2)
    house.expect("own", v2="available")
    (house.models_dir / "own" / "serving.json").write_text('{"version_policy": "all", "canary_share": 0.25}')
    house.expect("own", v1="available", v2="available")
    assert house.peer.catalogue().offer("own") == Offer({}, 0.25, 1.0)


# --- orders


def test_a_model_is_unloaded_and_loaded_by_order(house: House) -> None:
    house.put("order", 1, 1)
    house.expect("order", v1="available")
    assert house.peer.control("unload", "order").error == ""
    assert house.peer.held is not None
    assert {v.state for v in house.peer.held.versions if v.name == "order"} <= {"unloading"}
    house.expect("order")
    house.put("order", 2, 2)
    house.put("order-later", 1, 1)
    house.expect("order-later", v1="available")  # so that version 2 has been looked at
    house.expect("order")
    assert json.loads((house.engine.run_dir / "unloaded-0.json").read_bytes()) == ["order"]
    assert house.peer.control("load", "order").error == ""
    # Told before the order was answered.
    assert [v.version for v in house.peer.held.of("order") if v.state == "available"] == [2]
    assert house.answers("order", 2) == 2


def test_an_order_that_cannot_be_obeyed_says_why(house: House, odd_models: Path) -> None:
    for done in (house.peer.control("load", "nobody"), house.peer.control("unload", "nobody")):
        assert done.reason == "unknown_model"
        assert "'nobody'" in done.error
    put_version(odd_models / "short", house.models_dir, "bad", 1)
    done = house.peer.control("load", "bad")
    assert done.reason == "load_failed"
    assert "1: 2 pictures get [1] answers" in done.error


def test_the_catalogue_tells_of_signatures_as_the_savedmodel_does(house: House) -> None:
    signatures = house.peer.catalogue().resolve("toy").signatures
    assert set(signatures) == {
        "serving_default",
        "activations",
        "untrained_activations",
        "filters",
        "saliency",
        "smoothgrad",
        "integrated_gradients",
        "occlusion",
        "grad_cam",
        "maximize",
    }
    serving = signatures["serving_default"]
    assert serving.method_name == "tensorflow/serving/predict"
    assert (serving.inputs["images"].dtype, serving.inputs["images"].shape) == ("DT_UINT8", (-1, 28, 28, 1))
    assert serving.inputs["images"].name.endswith(":0")
    assert {name: (info.dtype, info.shape) for name, info in serving.outputs.items()} == {
        "probabilities": ("DT_FLOAT", (-1, 10)),
        "energy": ("DT_FLOAT", (-1,)),
    }
    assert signatures["filters"].inputs == {}
    assert signatures["saliency"].inputs["classes"].dtype == "DT_INT32"
