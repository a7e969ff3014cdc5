from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.engine.repository import CARD, CONVERTED, Candidate, RefusedVersionError, fingerprint, scan


def make(models_dir: Path, *versions: str) -> None:
    for version in versions:
        (models_dir / version).mkdir(parents=True)


def found(models_dir: Path) -> list[str]:
    listed = scan(models_dir)
    for name, versions in listed.items():
        for number, candidate in versions.items():
            assert candidate.key == (name, number)
            assert candidate.path == models_dir / name / str(number)
    return sorted(f"{name}/{number}" for name, versions in listed.items() for number in versions)


def test_every_version_of_every_model(tmp_path: Path) -> None:
    make(tmp_path, "mlp/3", "cnn/9", "cnn/1", "cnn/10")
    assert found(tmp_path) == ["cnn/1", "cnn/10", "cnn/9", "mlp/3"]


def test_a_model_is_listed_before_it_has_a_version(tmp_path: Path) -> None:
    make(tmp_path, "empty")
    assert scan(tmp_path) == {"empty": {}}


ODD = ["0", "01", "-1", "+1", "1.0", "1 ", "٣", "²", "1e1", "v1", ".1", ".staging-x", "1.tmp", "9" * 30, "latest"]


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_name_is_no_version(tmp_path: Path, odd: str) -> None:
    make(tmp_path, "cnn/1", f"cnn/{odd}")
    assert found(tmp_path) == ["cnn/1"]


def test_versions_may_be_times(tmp_path: Path) -> None:
    make(tmp_path, "cnn/1700000000", "cnn/1700000000123")
    assert found(tmp_path) == ["cnn/1700000000", "cnn/1700000000123"]


def test_hidden_directories_and_files_are_no_models(tmp_path: Path) -> None:
    make(tmp_path, "cnn/1", ".cache/1", ".git/2")
    (tmp_path / "README.md").touch()
    (tmp_path / "cnn" / "2").touch()
    assert found(tmp_path) == ["cnn/1"]


def test_a_directory_that_cannot_be_read_is_not_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        scan(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        scan(tmp_path / "file")


# --- fingerprints


def add(version: Path) -> None:
    (version / "assets.extra" / "more").touch()


def remove(version: Path) -> None:
    (version / "saved_model.pb").unlink()


def rewrite(version: Path) -> None:
    os.utime(version / "variables" / "variables.index", ns=(1, 1))


def lengthen(version: Path) -> None:
    path = version / "saved_model.pb"
    stat = path.stat()
    path.write_bytes(path.read_bytes() + b"!")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def replace(version: Path) -> None:
    """The same bytes, length and times in another file."""
    path = version / "saved_model.pb"
    shutil.copy2(path, version / "new")
    (version / "new").replace(path)


@pytest.mark.parametrize("change", [add, remove, rewrite, lengthen, replace])
def test_a_fingerprint_changes_with_every_file(version: Candidate, change: Callable[[Path], None]) -> None:
    before = fingerprint(version.path)
    assert fingerprint(version.path) == before
    change(version.path)
    assert fingerprint(version.path) != before


def test_a_directory_that_has_gone_has_no_files(tmp_path: Path) -> None:
    assert fingerprint(tmp_path / "gone") == ()


# --- cards

CONTENTS = {"saved_model.pb": b"graph", "variables/variables.index": b"weights", str(CONVERTED): b"both"}


def entry(content: bytes) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


@pytest.fixture
def version(tmp_path: Path) -> Candidate:
    """cnn/2, whole."""
    path = tmp_path / "cnn" / "2"
    for relative, content in CONTENTS.items():
        (path / relative).parent.mkdir(parents=True, exist_ok=True)
        (path / relative).write_bytes(content)
    candidate = Candidate("cnn", 2, path)
    write(candidate)
    return candidate


def write(candidate: Candidate, **changed: Any) -> dict[str, Any]:
    card = {
        "schema": 1,
        "name": "cnn",
        "version": 2,
        "labels": ["0", "1"],
        "input": {"shape": [28, 28, 1], "preparation": "mnist"},
        "files": {relative: entry(content) for relative, content in CONTENTS.items()},
        "metrics": {"test": {"accuracy": 0.99}},
        **changed,
    }
    card = {key: value for key, value in card.items() if value is not ...}
    (candidate.path / CARD).write_text(json.dumps(card))
    return card


def test_a_whole_version_has_its_whole_card(version: Candidate) -> None:
    assert version.read_card() == write(version)


def test_no_card(version: Candidate) -> None:
    (version.path / CARD).unlink()
    with pytest.raises(RefusedVersionError, match=r"card\.json is missing"):
        version.read_card()


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"not json"])
def test_a_card_that_is_no_json(version: Candidate, content: bytes) -> None:
    (version.path / CARD).write_bytes(content)
    with pytest.raises(RefusedVersionError, match="cannot be read"):
        version.read_card()


def test_a_card_that_is_a_directory(version: Candidate) -> None:
    (version.path / CARD).unlink()
    (version.path / CARD).mkdir()
    with pytest.raises(RefusedVersionError, match="cannot be read"):
        version.read_card()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 2}, "has schema 2; this service reads 1"),
        ({"name": "mlp"}, "is of mlp/2, the directory is cnn/2"),
        ({"version": 3}, "is of cnn/3, the directory is cnn/2"),
        ({"schema": ...}, "missing required field `schema`"),
        ({"files": ...}, "missing required field `files`"),
        ({"labels": ...}, "missing required field `labels`"),
        ({"input": ...}, "missing required field `input`"),
        ({"input": {}}, "missing required field `shape`"),
        ({"input": {"shape": "28x28"}}, r"\$\.input\.shape"),
        ({"input": {"shape": [28, 28]}}, r"\$\.input\.shape"),
        ({"labels": [0, 1]}, r"\$\.labels"),
        ({"files": {"saved_model.pb": {}}}, "missing required field `sha256`"),
        ({"files": ["saved_model.pb"]}, r"\$\.files"),
        ({"version": "2"}, r"\$\.version"),
    ],
)
def test_a_card_that_does_not_fit(version: Candidate, change: dict[str, Any], message: str) -> None:
    write(version, **change)
    with pytest.raises(RefusedVersionError, match=message):
        version.read_card()


@pytest.mark.parametrize("content", ["[]", "null", '"card"', "1"])
def test_a_card_that_is_no_object(version: Candidate, content: str) -> None:
    (version.path / CARD).write_text(content)
    with pytest.raises(RefusedVersionError, match="object"):
        version.read_card()


@pytest.mark.parametrize("relative", CONTENTS)
def test_a_file_that_is_missing(version: Candidate, relative: str) -> None:
    (version.path / relative).unlink()
    with pytest.raises(RefusedVersionError, match=f"{relative} cannot be read: No such file"):
        version.read_card()


@pytest.mark.parametrize("relative", CONTENTS)
def test_a_file_of_which_one_bit_is_not_as_it_was(version: Candidate, relative: str) -> None:
    content = bytearray((version.path / relative).read_bytes())
    content[0] ^= 1
    (version.path / relative).write_bytes(content)
    with pytest.raises(RefusedVersionError, match=f"{relative} does not have the SHA-256"):
        version.read_card()


def test_a_file_that_is_cut_short(version: Candidate) -> None:
    (version.path / "saved_model.pb").write_bytes(b"grap")
    with pytest.raises(RefusedVersionError, match="SHA-256"):
        version.read_card()
