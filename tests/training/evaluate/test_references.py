from __future__ import annotations

import json
from pathlib import Path

import pytest

from training.errors import ConfigurationError
from training.evaluate.references import find_version, latest_versions, model_names


@pytest.fixture
def models(tmp_path: Path) -> Path:
    for version in ("cnn/1", "cnn/3", "mlp/2", "empty", "cnn/.staging-x"):
        (tmp_path / version).mkdir(parents=True)
    (tmp_path / "cnn" / "labels.json").write_text(json.dumps({"stable": 1, "gone": 2}))
    return tmp_path


@pytest.mark.parametrize(
    ("reference", "expected"), [("cnn", "cnn/3"), ("cnn/1", "cnn/1"), ("cnn/stable", "cnn/1"), ("mlp", "mlp/2")]
)
def test_found(models: Path, reference: str, expected: str) -> None:
    assert find_version(models, reference) == models / expected


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("resnet", r"no model 'resnet'.*cnn, mlp\."),
        ("", r"no model ''"),
        (".hidden", r"no model '\.hidden'"),
        ("empty", r"no model 'empty'"),
        ("cnn/2", r"cnn has no version '2'; versions and labels: 1, 3, gone, stable"),
        ("cnn/gone", r"no version 'gone'"),
        ("cnn/.staging-x", r"no version"),
        ("mlp/stable", r"mlp has no version 'stable'; versions and labels: 2\."),
    ],
)
def test_not_there(models: Path, reference: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        find_version(models, reference)


def test_the_latest_of_each(models: Path) -> None:
    assert model_names(models) == ["cnn", "mlp"]
    assert latest_versions(models) == [models / "cnn" / "3", models / "mlp" / "2"]


def test_no_models_at_all(tmp_path: Path) -> None:
    assert model_names(tmp_path / "nowhere") == []
    with pytest.raises(ConfigurationError, match="There is no model in"):
        latest_versions(tmp_path)
