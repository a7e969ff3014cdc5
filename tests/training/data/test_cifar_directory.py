"""CIFAR in a directory given, in each of the forms in which it is published."""

from __future__ import annotations

import gzip
import os
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.training.data.conftest import Cifar, tar_gz, write
from training.data import DATASETS, load
from training.data.cifar_directory import from_cifar_directory
from training.data.errors import SourceError
from training.data.whereabouts import has_files
from training.errors import DataDigestError, DataUnavailableError

if TYPE_CHECKING:
    from pathlib import Path


def read(directory: Path, cifar: Cifar) -> dict[str, bytes]:
    assert has_files(directory, cifar.spec)
    return from_cifar_directory(directory, cifar.spec, cifar.archives)


def test_the_binary_version(tmp_path: Path, cifar: Cifar) -> None:
    assert read(write(tmp_path / "plain", cifar.binary), cifar) == cifar.binary
    write(tmp_path / "below" / cifar.archives.binary_folder, cifar.binary)
    assert read(tmp_path / "below", cifar) == cifar.binary
    archive = write(tmp_path / "archive", {cifar.archives.binary: cifar.binary_archive})
    assert read(archive, cifar) == cifar.binary


def test_the_python_version(tmp_path: Path, cifar: Cifar) -> None:
    assert read(write(tmp_path / "plain", cifar.batches), cifar) == cifar.binary
    write(tmp_path / "below" / cifar.archives.python_folder, cifar.batches)
    assert read(tmp_path / "below", cifar) == cifar.binary
    archive = write(tmp_path / "archive", {cifar.archives.python: cifar.python_archive})
    assert read(archive, cifar) == cifar.binary


def test_an_npz_as_keras_gives_the_arrays(tmp_path: Path, cifar: Cifar) -> None:
    stored = cifar.arrays._asdict()
    np.savez(tmp_path / f"{cifar.spec.name}.npz", **{**stored, "y_test": stored["y_test"][:, None]})
    assert read(tmp_path, cifar) == cifar.binary


def test_the_data_set(tmp_path: Path, cifar: Cifar, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DATASETS, cifar.spec.name, cifar.spec)
    write(tmp_path, {cifar.archives.python: cifar.python_archive})
    dataset = load(cifar.spec.name, data_dir=tmp_path)
    assert dataset.source == "directory"
    assert dataset.x_train.shape == (cifar.spec.sizes[0], *cifar.spec.shape)  # type: ignore[index]
    for name, array in cifar.arrays._asdict().items():
        assert (getattr(dataset, name) == array).all()


def test_other_pictures_have_other_digests(tmp_path: Path, cifar: Cifar, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DATASETS, cifar.spec.name, cifar.spec)
    *_, last = cifar.spec.files
    write(tmp_path, {**cifar.binary, last: cifar.binary[last][:-1] + bytes([cifar.binary[last][-1] ^ 1])})
    with pytest.raises(DataDigestError, match=f"{last} has SHA-256"):
        load(cifar.spec.name, data_dir=tmp_path)


def test_an_unknown_python_archive_is_not_unpickled(tmp_path: Path, cifar: Cifar) -> None:
    other = tar_gz({f"{cifar.archives.python_folder}/{name}": content for name, content in cifar.batches.items()})
    write(tmp_path, {cifar.archives.python: other + b"\0"})
    with pytest.raises(SourceError, match=r"has SHA-256 .* so it is not unpickled"):
        read(tmp_path, cifar)


class Harm:
    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> Any:
        return os.system, (self.command,)


def test_a_batch_that_runs_a_command(tmp_path: Path, cifar: Cifar) -> None:
    mark, first = tmp_path / "ran", cifar.archives.batches[0]
    content = pickle.dumps({"data": Harm(f"touch {mark}"), "labels": []}, 2)
    write(tmp_path, {**cifar.batches, first: content})
    with pytest.raises(SourceError, match=f"{first}: a pickle that asks for posix.system"):
        read(tmp_path, cifar)
    assert not mark.exists()


@pytest.mark.parametrize("form", ["binary", "python"])
def test_a_damaged_archive(tmp_path: Path, cifar: Cifar, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, content = {
        "binary": (cifar.archives.binary, cifar.binary_archive),
        "python": (cifar.archives.python, cifar.python_archive),
    }[form]
    write(tmp_path, {name: content[: len(content) // 2]})
    monkeypatch.setattr("training.data.cifar_directory._require_digest", lambda *_: None)
    with pytest.raises(SourceError, match=f"{name} (cannot be read|lacks)"):
        read(tmp_path, cifar)


def test_an_archive_of_something_else(tmp_path: Path, cifar: Cifar) -> None:
    write(tmp_path, {cifar.archives.binary: tar_gz({"readme.html": gzip.compress(b"hello")})})
    with pytest.raises(SourceError, match=f"lacks {cifar.spec.files[0]}"):
        read(tmp_path, cifar)


def test_nothing_there(tmp_path: Path, cifar: Cifar, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not has_files(tmp_path, cifar.spec)
    monkeypatch.setitem(DATASETS, cifar.spec.name, cifar.spec)
    with pytest.raises(DataUnavailableError) as caught:
        load(cifar.spec.name, data_dir=tmp_path)
    for part in (cifar.archives.binary, cifar.archives.python, "cs.toronto.edu", "--data-dir"):
        assert part in str(caught.value)
    with pytest.raises(SourceError, match="is not a directory"):
        from_cifar_directory(tmp_path / "absent", cifar.spec, cifar.archives)
