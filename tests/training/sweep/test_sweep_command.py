"""The command: what it plans, fits, keeps and shows."""

from __future__ import annotations

import argparse
import csv
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from training.cli import main
from training.commands import sweep
from training.config import TrainingConfig
from training.data import DatasetSpec
from training.sweep.grid import Value


@pytest.fixture
def arguments(declared: DatasetSpec, idx_directory: Path, tmp_path: Path) -> list[str]:
    """A sweep over a small data set, of fits that take a second."""
    return [
        "sweep", "--dataset", declared.name, "--data-dir", str(idx_directory), "--runs-dir", str(tmp_path / "runs"),
        "--validation-size", "60", "--epochs", "1", "--batch-size", "40",
    ]  # fmt: skip


def test_a_dry_run_lists_what_would_be_fitted(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    vary = ["--model", "conv-pool-n", "--vary", "filters=16,32", "--vary", "kernel=3,4", "--dry-run", "--sort", "macs"]
    assert main([*arguments, *vary, "--format", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["filters"], row["kernel"], row["parameters"]) for row in rows] == [
        ("16", "3", "1611434"),
        ("32", "3", "3217226"),
        ("16", "4", ""),
        ("32", "4", ""),
    ]
    assert "filterSize 4" in rows[2]["no_result"]
    assert not (tmp_path / "runs").exists()


def configure(*given: str) -> Callable[[Mapping[str, Value], Mapping[str, str]], TrainingConfig]:
    """What the command makes recipes with, when that is given."""
    parser = argparse.ArgumentParser()
    sweep.add_parser(parser.add_subparsers())
    return sweep._configure(parser.parse_args(["sweep", *given]), None)


def test_an_optimizer_brings_its_rate_along_unless_one_is_given() -> None:
    free, bound = configure("--model", "ffnn"), configure("--model", "ffnn", "--learning-rate", "0.5")
    assert free({"optimizer": "adam"}, {}).learning_rate == 1e-3
    assert free({"optimizer": "sgd"}, {}).learning_rate == 0.1
    assert free({"optimizer": "sgd", "learning_rate": 0.3}, {}).learning_rate == 0.3
    assert bound({"optimizer": "sgd"}, {}).learning_rate == 0.5


def test_a_model_brings_its_recipe_along_but_for_what_is_given() -> None:
    make = configure("--model", "ffnn", "--epochs", "1")
    assert make({"model": "ffnn"}, {}).outlier_share == 0.0
    assert make({"model": "cnn"}, {}).outlier_share == 0.25
    assert make({"model": "cnn"}, {}).epochs == 1


def test_a_key_that_varies_takes_the_place_of_one_that_was_set() -> None:
    make = configure("--model", "conv-pool-n", "--set", "numFilters=4", "--set", "filterSize=5")
    assert dict(make({}, {"numFilters": "8"}).architecture_keys) == {"numFilters": "8", "filterSize": "5"}


def test_augmentation_varies_by_its_names() -> None:
    make = configure("--model", "ffnn")
    none, strong = (make({"augment": name}, {}).augmentation for name in ("none", "strong"))
    assert none.rotation_degrees == 0.0 < strong.rotation_degrees


@pytest.mark.slow
def test_a_sweep_and_another_that_shares_half_of_it(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "sweep.png"
    shared = [*arguments, "--model", "mlp-8", "--format", "json"]
    assert main([*shared, "--vary", "widths=8,16", "--vary", "batch_size=40,1000", "--picture", str(picture)]) == 0
    shown = capsys.readouterr()
    document = json.loads(shown.out)
    rows = {(row["widths"], row["batch_size"]): row for row in document["combinations"]}
    assert rows["8", 40]["total"] == 60
    assert rows["16", 40]["validation_accuracy"] == rows["16", 40]["correct"] / 60
    assert "--batch-size 1000 is more than the 240 pictures" in rows["8", 1000]["no_result"]
    assert "2/4  widths=" in shown.err
    assert "  left: " in shown.err
    assert picture.stat().st_size > 10_000
    assert str(tmp_path) not in document["command"]

    # What both share is not fitted again.
    assert main([*shared, "--vary", "widths=16", "--vary", "pictures=120,240,241"]) == 0
    again = capsys.readouterr()
    assert "1 of 2 have finished before" in again.err
    curve = {row["pictures"]: row for row in json.loads(again.out)["combinations"]}
    assert curve[240]["seconds"] == rows["16", 40]["seconds"]
    assert curve[120]["validation_loss"] != curve[240]["validation_loss"]
    assert "--pictures 241 is more than the 240 pictures" in curve[241]["no_result"]


@pytest.mark.slow
def test_side_by_side(arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*arguments, "--model", "mlp-8", "--vary", "seed=1,2", "--jobs", "2", "--format", "json"]) == 0
    first, second = json.loads(capsys.readouterr().out)["combinations"]
    assert first["validation_loss"] != second["validation_loss"]
    assert len(list((tmp_path / "runs" / "trials").iterdir())) == 2


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--vary", "filtrs=1,2"], "did you mean filters"),
        (["--vary", "seed=1,2", "--sort", "size"], "--sort must be one of"),
        (["--vary", "seed=1,2", "--jobs", "0"], "--jobs must be at least 1"),
        (["--vary", "seed=1,2", "--random", "0"], "--random"),
        (["--vary", "seed=1,2", "--picture", "sweep.doc"], "sweep.doc"),
        (["--vary", "seed=1,2", "--out", "nowhere/table.md"], "no directory nowhere"),
        ([], "needs something to vary"),
    ],
)
def test_what_makes_no_sense(
    arguments: list[str], given: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--model", "conv-pool-n", *given]) == 2
    assert said in capsys.readouterr().err


def test_nothing_that_fits(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*arguments, "--model", "conv-pool-n", "--vary", "kernel=4,6"]) == 1
    assert "Without a result (2 of 2):" in capsys.readouterr().out
