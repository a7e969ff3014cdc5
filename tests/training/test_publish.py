"""Directories that appear whole or not at all. Nothing here is a model: publishing does not look inside."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from training.errors import PublishError
from training.publish import CARD, publish, read_card, require_place, verify, versions


def fill(directory: Path) -> dict[str, Any]:
    (directory / "variables").mkdir()
    (directory / "saved_model.pb").write_bytes(b"graph")
    (directory / "variables" / "data").write_bytes(b"weights")
    return {"labels": ["0", "1"], "created": "2024-01-01T00:00:00+00:00"}


def entries(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_versions_count_up(tmp_path: Path) -> None:
    assert [publish(tmp_path, "m", fill).name for _ in range(3)] == ["1", "2", "3"]
    assert versions(tmp_path, "m") == [1, 2, 3]
    assert entries(tmp_path / "m") == ["1", "2", "3"]


def test_the_next_version_follows_the_highest(tmp_path: Path) -> None:
    for other in ("9", "10", "x7", "0", "07", "latest", ".staging-old"):
        (tmp_path / "m" / other).mkdir(parents=True)
    (tmp_path / "m" / "77").write_text("a file is no version")
    assert versions(tmp_path, "m") == [9, 10]
    assert publish(tmp_path, "m", fill).name == "11"


def test_a_model_without_versions(tmp_path: Path) -> None:
    assert versions(tmp_path, "absent") == []


def test_the_card(tmp_path: Path) -> None:
    published = publish(tmp_path, "m", fill)
    card = read_card(published)
    assert list(card)[:3] == ["schema", "name", "version"]
    assert (card["schema"], card["name"], card["version"], card["labels"]) == (1, "m", 1, ["0", "1"])
    assert card["files"] == {
        "saved_model.pb": {"sha256": hashlib.sha256(b"graph").hexdigest(), "bytes": 5},
        "variables/data": {"sha256": hashlib.sha256(b"weights").hexdigest(), "bytes": 7},
    }
    assert verify(published) == card


def test_others_may_read_it(tmp_path: Path) -> None:
    assert publish(tmp_path, "m", fill).stat().st_mode & 0o777 == 0o755


class BrokenModelError(Exception):
    pass


def test_a_failure_while_filling_leaves_nothing(tmp_path: Path) -> None:
    def fail(directory: Path) -> dict[str, Any]:
        fill(directory)
        raise BrokenModelError

    with pytest.raises(BrokenModelError):
        publish(tmp_path, "m", fail)
    assert entries(tmp_path / "m") == []


def test_an_interrupt_while_filling_leaves_nothing(tmp_path: Path) -> None:
    def interrupt(directory: Path) -> dict[str, Any]:
        fill(directory)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        publish(tmp_path, "m", interrupt)
    assert entries(tmp_path / "m") == []


def test_until_the_rename_there_is_nothing_to_see(tmp_path: Path) -> None:
    seen: list[list[str]] = []

    def look(directory: Path) -> dict[str, Any]:
        card = fill(directory)
        seen.append(entries(tmp_path / "m"))
        assert directory.parent == tmp_path / "m"  # one file system, so that a rename is enough
        return card

    publish(tmp_path, "m", look)
    assert len(seen[0]) == 1
    assert seen[0][0].startswith(".")
    assert versions(tmp_path, "m") == [1]


def test_everything_is_on_disk_before_the_rename(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []
    fsync, rename = os.fsync, Path.rename

    def noted_fsync(descriptor: int) -> None:
        events.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        fsync(descriptor)

    def noted_rename(self: Path, target: Path) -> Path:
        events.append("rename")
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(Path, "rename", noted_rename)
    publish(tmp_path, "m", fill)
    before = events[: events.index("rename")]
    assert {"card.json", "assets.extra", "saved_model.pb", "data", "variables"} <= set(before)
    assert before.index("data") < before.index("variables")
    assert before[-1].startswith(".staging-")
    assert events[events.index("rename") + 1 :] == ["m"]


def test_many_publishers_at_once(tmp_path: Path) -> None:
    """All of them have filled their directory before any may choose its version."""
    count = 8
    together = threading.Barrier(count)
    published: list[Path] = []

    def run(number: int) -> None:
        def fill_and_wait(directory: Path) -> dict[str, Any]:
            card = fill(directory)
            (directory / "mine").write_text(str(number))
            together.wait()
            return {**card, "number": number}

        published.append(publish(tmp_path, "m", fill_and_wait))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert entries(tmp_path / "m") == [str(version) for version in range(1, count + 1)]
    cards = [verify(path) for path in published]
    assert sorted(card["version"] for card in cards) == list(range(1, count + 1))
    assert sorted(card["number"] for card in cards) == list(range(count))
    for path, card in zip(published, cards, strict=True):
        assert (path / "mine").read_text() == str(card["number"])
        assert path.name == str(card["version"])


def test_a_faster_publisher_is_not_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another version 1 appears after ours was chosen and before it is in its place."""
    rename = Path.rename

    def late(self: Path, target: Path) -> Path:
        monkeypatch.setattr(Path, "rename", rename)
        publish(tmp_path, "m", lambda directory: {**fill(directory), "whose": "other"})
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", late)
    ours = publish(tmp_path, "m", lambda directory: {**fill(directory), "whose": "ours"})
    assert ours.name == "2"
    assert (verify(ours)["version"], verify(ours)["whose"]) == (2, "ours")
    assert verify(tmp_path / "m" / "1")["whose"] == "other"


def test_a_version_asked_for(tmp_path: Path) -> None:
    assert publish(tmp_path, "m", fill, version=5).name == "5"
    with pytest.raises(PublishError, match="5 exists already"):
        publish(tmp_path, "m", fill, version=5)
    assert entries(tmp_path / "m") == ["5"]
    assert publish(tmp_path, "m", fill).name == "6"


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file in the way")
    with pytest.raises(PublishError, match="cannot be written: Not a directory"):
        publish(tmp_path / "models", "m", fill)


def test_a_place_is_looked_at_without_writing(tmp_path: Path) -> None:
    require_place(tmp_path / "new" / "models", "m")
    assert entries(tmp_path) == []
    (tmp_path / "models").write_text("a file in the way")
    with pytest.raises(PublishError, match="models/m cannot be written"):
        require_place(tmp_path / "models", "m")


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(PublishError, match="No space left"):
        publish(tmp_path, "m", fill)
    assert entries(tmp_path / "m") == []


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        (lambda path: (path / "saved_model.pb").write_bytes(b"grapf"), "saved_model.pb has changed"),
        (lambda path: (path / "variables" / "data").unlink(), "variables/data is missing"),
        (lambda path: (path / "variables" / "more").touch(), "variables/more is not listed"),
        (lambda path: (path / CARD).unlink(), "has no readable"),
        (lambda path: (path / CARD).write_text("{"), "has no readable"),
        (lambda path: (path / CARD).write_text("{}"), "saved_model.pb is not listed"),
    ],
)
def test_damage_is_found(tmp_path: Path, damage: Any, fault: str) -> None:
    published = publish(tmp_path, "m", fill)
    verify(published)
    damage(published)
    with pytest.raises(PublishError, match=fault):
        verify(published)


def test_the_card_is_json_that_any_reader_takes(tmp_path: Path) -> None:
    content = (publish(tmp_path, "m", fill) / CARD).read_text(encoding="utf-8")
    assert content.endswith("}\n")
    assert json.loads(content)["version"] == 1


def test_what_needs_the_card_is_added_last(tmp_path: Path) -> None:
    def finish(directory: Path, card: Mapping[str, Any]) -> None:
        assert (directory / "saved_model.pb").is_file()
        (directory / CARD.parent / "report.txt").write_text(f"{card['name']}/{card['version']}: {card['labels']}")

    published = [publish(tmp_path, "m", fill, finish=finish) for _ in range(2)][-1]
    assert (published / CARD.parent / "report.txt").read_text() == "m/2: ['0', '1']"
    assert "assets.extra/report.txt" in verify(published)["files"]


def test_a_failure_while_finishing_leaves_nothing(tmp_path: Path) -> None:
    def fail(_: Path, __: Mapping[str, Any]) -> None:
        raise BrokenModelError

    with pytest.raises(BrokenModelError):
        publish(tmp_path, "m", fill, finish=fail)
    assert entries(tmp_path / "m") == []
