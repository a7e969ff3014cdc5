"""Labels are moved in one step, to versions that are whole; whoever looks meanwhile sees the old or the new ones."""

from __future__ import annotations

import fcntl
import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from training.cli import main
from training.errors import PromotionError
from training.json_files import replace_object
from training.promote import Request, overview, promote
from training.publish import CARD, publish


def fill(accuracy: float | None) -> Any:
    def write(directory: Path) -> dict[str, Any]:
        (directory / "saved_model.pb").write_bytes(b"graph")
        return {} if accuracy is None else {"metrics": {"test": {"accuracy": accuracy}}}

    return write


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Three versions of one model."""
    for accuracy in (0.9875, 0.99, 0.9964):
        publish(tmp_path / "models", "cnn", fill(accuracy))
    return tmp_path / "models"


def put(models: Path, label: str, version: int | str, **more: Any) -> list[str]:
    return promote(models, Request("cnn", version, label, **more))


def labels(models: Path) -> str:
    return (models / "cnn" / "labels.json").read_text()


def entries(models: Path) -> list[str]:
    return sorted(path.name for path in (models / "cnn").iterdir())


def test_labels_are_put_moved_and_removed(models: Path) -> None:
    assert put(models, "stable", 2) == ["cnn: stable was no version, is version 2 now"]
    assert put(models, "canary", 3) == ["cnn: canary was no version, is version 3 now"]
    assert labels(models) == '{"canary": 3, "stable": 2}\n'
    assert put(models, "stable", "latest") == ["cnn: stable was version 2, is version 3 now"]
    assert promote(models, Request("cnn", label="canary", remove=True)) == [
        "cnn: canary was version 3, is no version now"
    ]
    assert labels(models) == '{"stable": 3}\n'
    assert entries(models) == ["1", "2", "3", "labels.json"]


def test_latest_is_the_highest_number(models: Path) -> None:
    publish(models, "cnn", fill(0.5), version=10)
    assert put(models, "stable", "latest") == ["cnn: stable was no version, is version 10 now"]


def test_what_is_so_already_is_left_alone(models: Path) -> None:
    path = models / "cnn" / "labels.json"
    path.write_text('{\n "stable": 2\n}')  # as somebody wrote it by hand
    before = path.stat()
    assert put(models, "stable", 2) == ["cnn: stable is version 2 already; nothing changed"]
    assert promote(models, Request("cnn", label="canary", remove=True)) == [
        "cnn: no version is labelled canary; nothing changed"
    ]
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_removing_from_nothing_leaves_nothing(models: Path) -> None:
    promote(models, Request("cnn", label="canary", remove=True))
    assert entries(models) == ["1", "2", "3"]


def test_shares_stand_beside_what_else_is_in_the_file(models: Path) -> None:
    path = models / "cnn" / "serving.json"
    path.write_text('{"version_policy": "latest:2"}')
    assert put(models, "canary", 3, canary_share=0.1) == [
        "cnn: canary was no version, is version 3 now",
        "cnn: canary_share was not set, is 0.1 now",
    ]
    assert path.read_text() == '{"canary_share": 0.1, "version_policy": "latest:2"}\n'
    assert promote(models, Request("cnn", canary_share=0.1, shadow_share=1.0)) == [
        "cnn: canary_share is 0.1 already; nothing changed",
        "cnn: shadow_share was not set, is 1.0 now",
        "cnn: no version is labelled shadow yet",
    ]
    assert json.loads(path.read_text()) == {"canary_share": 0.1, "shadow_share": 1.0, "version_policy": "latest:2"}


def test_a_share_of_nothing_is_a_share(models: Path) -> None:
    promote(models, Request("cnn", canary_share=0.0))
    assert (models / "cnn" / "serving.json").read_text() == '{"canary_share": 0.0}\n'


@pytest.mark.parametrize(
    ("request_", "fault"),
    [
        (Request("cnn", 4, "stable"), "cnn has no version 4; versions: 1, 2, 3"),
        (Request("mlp", 1, "stable"), "there is no model 'mlp' in "),
        (Request("../models/cnn", 1, "stable"), "there is no model '../models/cnn' in "),
        (Request("cnn", 1), "--version and --remove need a --label"),
        (Request("cnn", remove=True), "--version and --remove need a --label"),
        (Request("cnn", label="stable"), "--label needs either --version, to put it there, or --remove"),
        (Request("cnn", 1, "stable", remove=True), "--label needs either --version, to put it there, or --remove"),
        (Request("cnn", 1, "a/b"), "'a/b' is no label"),
        (Request("cnn", 1, ""), "'' is no label"),
        (Request("cnn", 1, "-"), "'-' is no label"),
        (Request("cnn", 1, "a" * 65), "is no label"),
        (Request("cnn", canary_share=1.1), "--canary-share must be between 0 and 1, not 1.1"),
        (Request("cnn", shadow_share=-0.5), "--shadow-share must be between 0 and 1, not -0.5"),
        (Request("cnn", canary_share=float("nan")), "--canary-share must be between 0 and 1, not nan"),
    ],
)
def test_what_cannot_be_done_changes_nothing(request_: Request, fault: str, models: Path) -> None:
    with pytest.raises(PromotionError) as caught:
        promote(models, request_)
    assert fault in str(caught.value)
    assert entries(models) == ["1", "2", "3"]


def test_only_a_whole_version_gets_a_label(models: Path) -> None:
    version = models / "cnn" / "2"
    (version / "saved_model.pb").write_bytes(b"other")
    with pytest.raises(PromotionError, match="cnn/2 is not what its card says: saved_model.pb has changed"):
        put(models, "stable", 2)
    (version / CARD).write_text("[]")
    with pytest.raises(PromotionError, match="cnn/2 has no readable assets.extra/card.json: it holds no JSON object"):
        put(models, "stable", 2)
    (version / CARD).unlink()
    with pytest.raises(PromotionError, match="cnn/2 has no readable assets.extra/card.json"):
        put(models, "stable", 2)
    assert entries(models) == ["1", "2", "3"]


def test_a_copied_version_is_known_by_its_card(models: Path) -> None:
    (models / "cnn" / "3").rename(models / "cnn" / "4")
    with pytest.raises(PromotionError, match="cnn/4 has the card of cnn/3"):
        put(models, "stable", "latest")


@pytest.mark.parametrize("content", ["{", "[]", '{"stable": "2"}', '{"stable": true}', '{"stable": 0}', "\xff"])
def test_a_file_that_is_something_else_is_not_overwritten(content: str, models: Path) -> None:
    path = models / "cnn" / "labels.json"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(PromotionError, match="labels.json"):
        put(models, "stable", 2)
    assert path.read_bytes() == content.encode("latin-1")


@pytest.mark.parametrize("mode", [0o600, 0o664])
def test_the_mode_of_a_file_stays(mode: int, models: Path) -> None:
    path = models / "cnn" / "labels.json"
    path.write_text("{}")
    path.chmod(mode)
    put(models, "stable", 2)
    assert path.stat().st_mode & 0o777 == mode
    assert labels(models) == '{"stable": 2}\n'


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
def test_the_owner_of_a_file_stays(models: Path) -> None:
    path = models / "cnn" / "labels.json"
    path.write_text("{}")
    path.chmod(0o600)
    os.chown(path, 1234, 5678)
    put(models, "stable", 2)
    found = path.stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (1234, 5678, 0o600)


def test_a_new_file_can_be_read_by_others(models: Path) -> None:
    put(models, "stable", 2, shadow_share=0.5)
    for name in ("labels.json", "serving.json"):
        assert (models / "cnn" / name).stat().st_mode & 0o777 == 0o644


def test_what_is_written_is_on_disk_before_it_is_seen(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    did: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def noted_fsync(descriptor: int) -> None:
        did.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        fsync(descriptor)

    def noted_replace(self: Path, target: Path) -> Path:
        did.append("replace")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(Path, "replace", noted_replace)
    put(models, "stable", 2)
    assert did[0].startswith(".labels.json-")
    assert did[1:] == ["replace", "cnn"]


def test_a_write_that_fails_leaves_the_old_file(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(models, "stable", 2)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(PromotionError, match="models/cnn cannot be written: No space left on device"):
        put(models, "stable", 3)
    assert labels(models) == '{"stable": 2}\n'
    assert entries(models) == ["1", "2", "3", "labels.json"]


def test_of_many_promotions_at_once_none_is_lost(models: Path) -> None:
    names = [f"label-{number}" for number in range(12)]
    together = threading.Barrier(len(names))

    def run(name: str) -> None:
        together.wait()
        put(models, name, 1)

    threads = [threading.Thread(target=run, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert json.loads(labels(models)) == dict.fromkeys(names, 1)


def test_whoever_writes_is_waited_for_before_anything_is_read(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flock, asks = fcntl.flock, threading.Event()

    def noted(descriptor: int, operation: int) -> None:
        asks.set()
        flock(descriptor, operation)

    descriptor = os.open(models / "cnn", os.O_RDONLY)
    flock(descriptor, fcntl.LOCK_EX)
    monkeypatch.setattr("training.replacing.fcntl.flock", noted)
    thread = threading.Thread(target=put, args=(models, "stable", 2))
    thread.start()
    assert asks.wait(60)
    replace_object(models / "cnn" / "labels.json", {"canary": 3})
    os.close(descriptor)
    thread.join()
    assert labels(models) == '{"canary": 3, "stable": 2}\n'


def test_the_overview(models: Path) -> None:
    publish(models, "cnn", fill(None), version=12)
    (models / "cnn" / "1" / CARD).unlink()
    (models / "cnn" / "labels.json").write_text('{"stable": 2, "best": 2, "canary": 3, "old": 9}')
    (models / "cnn" / "serving.json").write_text('{"canary_share": 0.25}')
    assert overview(models, "cnn") == [
        "version  test accuracy  labels",
        "cnn/12         unknown",
        "cnn/3           99.64%  canary",
        "cnn/2           99.00%  best, stable",
        "cnn/1          no card",
        "old is version 9, which is not there",
        "canary_share: 0.25",
    ]


def test_the_command(models: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGITS_MODELS_DIR", str(models))
    assert main(["promote", "--model", "cnn", "--version", "latest", "--label", "canary", "--canary-share", "0.1"]) == 0
    assert main(["promote", "--model", "cnn", "--label", "canary", "--remove", "--models-dir", str(models)]) == 0
    assert main(["promote", "--model", "cnn"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "cnn: canary was no version, is version 3 now",
        "cnn: canary_share was not set, is 0.1 now",
        "cnn: canary was version 3, is no version now",
        "version  test accuracy  labels",
        "cnn/3           99.64%",
        "cnn/2           99.00%",
        "cnn/1           98.75%",
        "canary_share: 0.1",
    ]


def test_a_command_that_cannot_be_done_says_so_in_one_line(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["promote", "--model", "cnn", "--version", "7", "--label", "stable", "--models-dir", str(models)]
    assert main(arguments) == 2
    assert capsys.readouterr().err == "error: cnn has no version 7; versions: 1, 2, 3\n"


@pytest.mark.parametrize("version", ["0", "-1", "01", "newest", "1.5", "٣"])
def test_versions_are_plain_numbers(version: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["promote", "--model", "cnn", f"--version={version}", "--label", "stable"])
    assert caught.value.code == 2
    assert f"{version!r} is neither a version's number nor 'latest'" in capsys.readouterr().err
