"""A small CIFAR: 3 × 4 pictures, fifteen to train on and four to test with, in every form in which it is published."""

from __future__ import annotations

import hashlib
import io
import tarfile
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.training.data.python2_pickle import python2_batch
from training.data.arrays import Arrays
from training.data.cifar import encode_records
from training.data.specs import CIFAR_10, CIFAR_100, Archives, DatasetSpec

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SHAPE = (3, 4, 3)


@dataclass(frozen=True)
class Cifar:
    """`spec` with digests of its own; `binary` and `batches` are the files of the two versions, the archives hold them."""

    spec: DatasetSpec
    archives: Archives
    arrays: Arrays
    binary: dict[str, bytes]
    batches: dict[str, bytes]
    binary_archive: bytes
    python_archive: bytes


def tar_gz(files: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tarball:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tarball.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def make_cifar(spec: DatasetSpec, train: int = 15, test: int = 4) -> Cifar:
    rng = np.random.default_rng(5)
    x_train, x_test = (rng.integers(0, 256, (count, *SHAPE), dtype=np.uint8) for count in (train, test))
    y_train, y_test = (rng.integers(0, len(spec.labels), count).astype(np.uint8) for count in (train, test))
    arrays = Arrays(x_train, y_train, x_test, y_test)
    binary = encode_records(arrays, spec.files, spec.superclass_of)
    assert spec.archives is not None
    batches = {}
    start = 2 if spec.superclass_of else 1
    for name, content in zip(spec.archives.batches, binary.values(), strict=True):
        records = np.frombuffer(content, np.uint8).reshape(-1, start + 36)
        batches[name] = python2_batch(records[:, start:], records[:, start - 1].tolist(), spec.archives.label_key)
    python_archive = tar_gz({f"{spec.archives.python_folder}/{name}": content for name, content in batches.items()})
    archives = replace(spec.archives, python_sha256=hashlib.sha256(python_archive).hexdigest())
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in binary.items()}
    return Cifar(
        spec=replace(spec, sha256=digests, shape=SHAPE, sizes=(train, test), archives=archives),
        archives=archives,
        arrays=arrays,
        binary=binary,
        batches=batches,
        binary_archive=tar_gz({f"{archives.binary_folder}/{name}": content for name, content in binary.items()}),
        python_archive=python_archive,
    )


@pytest.fixture(params=[CIFAR_10, CIFAR_100], ids=lambda spec: spec.name)
def cifar(request: pytest.FixtureRequest) -> Cifar:
    return make_cifar(request.param)


def write(directory: Path, files: Mapping[str, bytes]) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (directory / name).write_bytes(content)
    return directory
