"""What the tests of training share: a small data set with digests of its own, and one published model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.toy_model import toy_digits, toy_spec, write_toy_model
from training.data import DATASETS, DatasetSpec, load
from training.data.sources import raw_files
from training.errors import DataUnavailableError

if TYPE_CHECKING:
    from pathlib import Path

    from training.data import Dataset


@pytest.fixture(scope="session")
def raw() -> dict[str, bytes]:
    """The four raw IDX files of a small data set: 300 pictures to train on and 60 to test with."""
    return raw_files(*toy_digits(300, seed=1), *toy_digits(60, seed=2))


@pytest.fixture(scope="session")
def spec(raw: dict[str, bytes]) -> DatasetSpec:
    return toy_spec(raw)


@pytest.fixture
def declared(spec: DatasetSpec, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> DatasetSpec:
    """The small data set, declared as if it were one of ours; nothing of this machine's own data is in reach."""
    monkeypatch.setitem(DATASETS, spec.name, spec)
    monkeypatch.delenv("DIGITS_DATA_DIR", raising=False)
    monkeypatch.setenv("DIGITS_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return spec


@pytest.fixture
def idx_directory(raw: dict[str, bytes], tmp_path: Path) -> Path:
    directory = tmp_path / "idx"
    directory.mkdir()
    for name, content in raw.items():
        (directory / name).write_bytes(content)
    return directory


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published version, made by the code that publishes the shipped ones."""
    return write_toy_model(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def mnist() -> Dataset:
    """The real thing, from wherever this machine can have it."""
    try:
        return load("mnist")
    except DataUnavailableError as error:
        pytest.skip(str(error))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20)
