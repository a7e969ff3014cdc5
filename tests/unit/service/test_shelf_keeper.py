"""Which versions come and go, over a real directory and with a loader that a test can make refuse."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from service.catalogue import Offer
from service.engine import news
from service.engine.holds import Holds
from service.engine.keeper import Keeper
from service.engine.offers import Defaults
from service.engine.repository import Candidate, Key, RefusedVersionError


class House:
    """A models directory, what the keeper makes of it, and a version's content: `"broken"` is refused."""

    def __init__(self, tmp_path: Path, policy: str = "latest:1") -> None:
        self.models_dir = tmp_path / "models"
        self.models_dir.mkdir(exist_ok=True)
        self.held = tmp_path / "held.json"
        self.policy = policy
        self.said: list[news.News[str]] = []
        self.loads: list[Key] = []
        self.keeper = self.new_keeper()

    def new_keeper(self) -> Keeper[str]:
        defaults = Defaults(self.policy)
        return Keeper(self.models_dir, defaults, "cnn", self._load, self.said.append, Holds(self.held))

    def _load(self, candidate: Candidate) -> str:
        self.loads.append(candidate.key)
        content = (candidate.path / "saved_model.pb").read_text()
        if content.startswith("broken"):
            raise RefusedVersionError(content)
        if content == "odd":
            raise ZeroDivisionError("internal")
        return content

    def put(self, model: str, version: int, content: str = "good") -> Path:
        path = self.models_dir / model / str(version)
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        (path / "saved_model.pb").write_text(content)
        return path

    def remove(self, model: str, version: int) -> None:
        shutil.rmtree(self.models_dir / model / str(version))

    def write(self, model: str, name: str, **content: object) -> None:
        (self.models_dir / model / name).write_text(json.dumps(content))

    def look(self) -> list[news.News[str]]:
        """Look, and return what is new but for offers and settling."""
        self.said.clear()
        self.keeper.look()
        return [n for n in self.said if not isinstance(n, news.Offered | news.Settled)]


Logged = list[structlog.typing.EventDict]


@pytest.fixture
def logged() -> Iterator[Logged]:
    with structlog.testing.capture_logs() as lines:
        yield lines


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def came(key: Key, content: str = "good") -> list[news.News[str]]:
    return [news.Loading(key), news.Available(key, content)]


def test_the_newest_version_comes_and_nothing_more_happens(house: House) -> None:
    house.put("cnn", 1)
    house.put("cnn", 2)
    assert house.look() == came(("cnn", 2))
    assert house.look() == []
    assert house.loads == [("cnn", 2)]


def test_what_the_first_look_will_load_is_announced(house: House) -> None:
    house.put("mlp", 1)
    house.put("cnn", 1)
    house.put("cnn", 2)
    house.write("cnn", "labels.json", stable=1)
    house.keeper.announce()
    assert house.said == [
        news.Offered("cnn", Offer({"stable": 1}, 0.0, 1.0)),
        news.Loading(("cnn", 2)),
        news.Loading(("cnn", 1)),
        news.Offered("mlp", Offer({}, 0.0, 1.0)),
        news.Loading(("mlp", 1)),
    ]
    assert not house.loads
    assert house.look() == [news.Available((m, v), "good") for m, v in (("cnn", 2), ("cnn", 1), ("mlp", 1))]


def test_the_default_model_is_settled_before_another_is_loaded(house: House) -> None:
    house.put("a", 1)
    house.put("cnn", 1)
    house.put("cnn", 2, "broken")
    house.keeper.look()
    settled = house.said.index(news.Settled("cnn"))
    assert news.Available(("cnn", 1), "good") in house.said[:settled]
    assert news.Loading(("a", 1)) in house.said[settled:]
    house.said.clear()
    house.keeper.look()
    assert house.said == []


def test_what_was_announced_and_has_gone_is_taken_back(house: House) -> None:
    house.put("cnn", 1)
    house.keeper.announce()
    shutil.rmtree(house.models_dir / "cnn")
    assert house.look() == [news.Gone(("cnn", 1))]


def test_the_old_version_retires_once_the_new_one_is_there(house: House) -> None:
    house.put("cnn", 1)
    house.look()
    house.put("cnn", 2)
    assert house.look() == [*came(("cnn", 2)), news.Retired(("cnn", 1))]


def test_a_broken_new_version_is_refused_once_and_the_old_one_stays(house: House) -> None:
    house.put("cnn", 1)
    house.look()
    house.put("cnn", 2, "broken: why")
    assert house.look() == [news.Loading(("cnn", 2)), news.Refused(("cnn", 2), "broken: why")]
    assert house.look() == house.look() == []
    assert house.loads.count(("cnn", 2)) == 1


def test_a_start_with_a_broken_newest_version_falls_back(house: House) -> None:
    house.put("cnn", 1)
    house.put("cnn", 2, "broken")
    house.put("cnn", 3, "broken")
    loaded = [n for n in house.look() if isinstance(n, news.Available)]
    assert loaded == [news.Available(("cnn", 1), "good")]
    assert house.loads == [("cnn", 3), ("cnn", 2), ("cnn", 1)]


def test_a_refused_version_is_tried_again_when_it_changes(house: House) -> None:
    house.put("cnn", 1)
    house.put("cnn", 2, "broken: half-written")
    house.look()
    house.put("cnn", 2, "good at last")
    assert house.look() == [
        news.Loading(("cnn", 2)),
        news.Available(("cnn", 2), "good at last"),
        news.Retired(("cnn", 1)),
    ]


def test_the_same_reason_is_logged_once_and_another_one_too(house: House, logged: Logged) -> None:
    for reason in ("broken: a", "broken: a", "broken: b", "broken: b"):
        house.put("cnn", 2, reason)
        house.look()
    assert house.loads.count(("cnn", 2)) == 4
    assert [line["reason"] for line in logged if line["event"] == "model_refused"] == ["broken: a", "broken: b"]


def test_the_entry_of_a_refused_version_goes_with_its_directory(house: House) -> None:
    house.put("cnn", 1)
    house.put("cnn", 2, "broken")
    house.look()
    house.remove("cnn", 2)
    assert house.look() == [news.Gone(("cnn", 2))]


def test_what_breaks_the_loader_itself_is_a_refusal_that_tells_nothing_internal(house: House) -> None:
    house.put("cnn", 1, "odd")
    assert news.Refused(("cnn", 1), "it cannot be loaded: ZeroDivisionError") in house.look()


def test_a_deleted_version_goes_and_its_replacement_comes_first(house: House) -> None:
    house.put("cnn", 1)
    house.put("cnn", 2)
    house.look()
    house.remove("cnn", 2)
    assert house.look() == [*came(("cnn", 1)), news.Retired(("cnn", 2))]


def test_a_deleted_model_goes(house: House) -> None:
    house.put("cnn", 1)
    house.look()
    shutil.rmtree(house.models_dir / "cnn")
    assert house.look() == [news.Retired(("cnn", 1))]
    assert news.Offered("cnn", None) in house.said
    assert house.look() == []


def test_a_models_directory_that_cannot_be_read_takes_nothing_out(house: House, logged: Logged) -> None:
    house.put("cnn", 1)
    house.look()
    house.models_dir.rename(house.models_dir.with_name("away"))
    assert house.look() == house.look() == []
    assert sum(line["event"] == "models_dir_unreadable" for line in logged) == 1
    house.models_dir.with_name("away").rename(house.models_dir)
    assert house.look() == []


def test_a_version_replaced_in_place_is_loaded_beside_and_swapped(house: House) -> None:
    house.put("cnn", 1, "old")
    house.look()
    house.put("cnn", 1, "new")
    assert house.look() == [news.Available(("cnn", 1), "new")]
    assert house.look() == []


def test_a_version_spoiled_in_place_stays_as_it_was(house: House, logged: Logged) -> None:
    house.put("cnn", 1)
    house.put("cnn", 2, "old")
    house.look()
    house.put("cnn", 2, "broken")
    assert house.look() == house.look() == []
    assert sum(line["event"] == "model_refused" for line in logged) == 1
    house.remove("cnn", 2)
    assert house.look() == [*came(("cnn", 1)), news.Retired(("cnn", 2))]


def test_a_version_wanted_again_while_it_is_on_its_way_out_is_loaded_anew(house: House) -> None:
    house.put("cnn", 1)
    house.look()
    house.put("cnn", 2)
    house.look()
    house.remove("cnn", 2)
    assert house.look() == [*came(("cnn", 1)), news.Retired(("cnn", 2))]


@pytest.mark.parametrize(
    ("policy", "versions"), [("all", {1, 2, 3}), ("latest:2", {2, 3}), ("specific:1,3", {1, 3}), ("specific:9", set())]
)
def test_each_policy(policy: str, versions: set[int], tmp_path: Path) -> None:
    house = House(tmp_path, policy)
    for version in (1, 2, 3):
        house.put("cnn", version)
    house.look()
    assert {version for _, version in house.loads} == versions


def test_when_all_that_is_wanted_is_refused_the_old_stays_as_long_as_its_directory(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.put("cnn", 1)
    house.look()
    house.put("cnn", 2, "broken")
    house.write("cnn", "serving.json", version_policy="specific:2")
    assert news.Retired(("cnn", 1)) not in house.look()
    house.remove("cnn", 1)
    assert house.look() == [news.Retired(("cnn", 1))]


def test_a_model_has_its_own_policy(house: House) -> None:
    house.put("cnn", 1)
    house.put("cnn", 2)
    house.put("mlp", 1)
    house.put("mlp", 2)
    house.write("cnn", "serving.json", version_policy="all")
    house.look()
    assert sorted(house.loads) == [("cnn", 1), ("cnn", 2), ("mlp", 2)]
    (house.models_dir / "cnn" / "serving.json").unlink()
    assert house.look() == [news.Retired(("cnn", 1))]


# --- labels


def test_what_a_label_points_at_stays(house: House) -> None:
    house.put("cnn", 1)
    house.write("cnn", "labels.json", stable=1, nowhere=77)
    house.look()
    house.put("cnn", 2)
    assert house.look() == came(("cnn", 2))
    house.write("cnn", "labels.json", stable=2)
    assert house.look() == [news.Retired(("cnn", 1))]


def test_a_label_moves_only_when_its_version_is_there(house: House) -> None:
    house.put("cnn", 1)
    house.put("cnn", 2)
    house.put("cnn", 3)
    house.write("cnn", "labels.json", stable=1)
    house.look()
    house.write("cnn", "labels.json", stable=2)
    house.look()
    assert house.said == [
        *came(("cnn", 2)),
        news.Offered("cnn", Offer({"stable": 2}, 0.0, 1.0)),
        news.Retired(("cnn", 1)),
    ]


# --- orders


def test_a_model_that_is_unloaded_stays_out_until_it_is_loaded(house: House) -> None:
    house.put("cnn", 1)
    house.put("cnn", 2, "broken")
    house.look()
    house.said.clear()
    assert house.keeper.unload("cnn") == ("", "")
    assert house.said == [news.Gone(("cnn", 2)), news.Retired(("cnn", 1))]
    house.put("cnn", 3)
    assert house.look() == []
    house.said.clear()
    assert house.keeper.load("cnn") == ("", "")
    assert house.said == came(("cnn", 3))


def test_a_replaced_engine_keeps_to_what_was_unloaded(house: House) -> None:
    house.put("cnn", 1)
    house.put("mlp", 1)
    house.keeper.unload("cnn")
    house.said.clear()
    house.keeper = house.new_keeper()
    house.keeper.announce()
    assert news.Loading(("cnn", 1)) not in house.said
    assert house.look() == [news.Available(("mlp", 1), "good")]
    assert house.keeper.load("cnn") == ("", "")
    house.keeper = house.new_keeper()
    assert news.Available(("cnn", 1), "good") in house.look()


def test_an_unreadable_memory_of_what_was_unloaded_is_an_empty_one(tmp_path: Path) -> None:
    for content in ("{", "3", '[["a"]]'):
        (tmp_path / "held.json").write_text(content)
        assert "cnn" not in Holds(tmp_path / "held.json")


@pytest.mark.parametrize("action", ["load", "unload"])
@pytest.mark.parametrize("name", ["nobody", "..", "", ".hidden", "cnn/1"])
def test_a_model_that_is_not_there_cannot_be_loaded_or_unloaded(house: House, action: str, name: str) -> None:
    house.put("cnn", 1)
    error, reason = getattr(house.keeper, action)(name)
    assert reason == "unknown_model"
    assert repr(name) in error
    assert not house.held.exists()


def test_a_load_that_leaves_nothing_in_service_tells_why(house: House) -> None:
    house.put("cnn", 1, "broken: this")
    house.put("cnn", 2, "broken: that")
    error, reason = house.keeper.load("cnn")
    assert reason == "load_failed"
    assert "1: broken: this" in error
    assert "2: broken: that" in error
    (house.models_dir / "empty").mkdir()
    assert house.keeper.load("empty")[1] == "load_failed"


def test_a_load_that_leaves_the_old_version_in_service_is_none_that_failed(house: House) -> None:
    house.put("cnn", 1)
    house.put("cnn", 2, "broken")
    assert house.keeper.load("cnn") == ("", "")


def test_an_order_tries_again_what_was_refused(house: House) -> None:
    house.put("cnn", 1, "broken")
    house.look()
    house.keeper.look_again()
    house.keeper.load("cnn")
    assert house.loads == [("cnn", 1)] * 3
