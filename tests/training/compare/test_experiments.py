"""Which experiments have a record, which are still to be run, and what a run that fails does to the others."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from architectures import preset_names
from training.compare.experiments import PLAN, Experiment, Place, chosen, recorded, run_all, training_command
from training.compare.records import read_record
from training.config import TrainingConfig

if TYPE_CHECKING:
    from collections.abc import Callable

    from training.data import Dataset

    CopyToy = Callable[..., Path]

pytestmark = pytest.mark.slow

ON_TOY = Experiment("ffnn", "toy", 0)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "records", tmp_path / "models", tmp_path / "runs", {})


def test_the_plan_holds_every_preset_on_mnist_and_the_served_ones_on_fashion() -> None:
    on_mnist = {experiment.model for experiment in PLAN if experiment.dataset == "mnist"}
    assert {name for name in preset_names() if not name.startswith("mlp-")} <= on_mnist
    assert "mlp-1000-300" in on_mnist
    assert {experiment.model for experiment in PLAN if experiment.dataset == "fashion_mnist"} == {"cnn", "mlp"}


@pytest.mark.parametrize("experiment", PLAN, ids=lambda experiment: experiment.title)
def test_the_name_is_the_one_under_which_training_publishes(experiment: Experiment) -> None:
    assert TrainingConfig(model=experiment.model, dataset=experiment.dataset).published_name == experiment.name


def test_chosen() -> None:
    assert chosen(PLAN, [], []) == list(PLAN)
    assert chosen(PLAN, ["cnn"], []) == [Experiment("cnn", "mnist"), Experiment("cnn", "fashion_mnist")]
    assert chosen(PLAN, ["lenet5"], ["fashion_mnist"]) == []


def test_what_was_never_trained_is_not_recorded(place: Place) -> None:
    assert recorded(ON_TOY, place) is None
    assert not place.records.exists()


def test_a_trained_model_is_recorded_once(place: Place, copy_toy: CopyToy) -> None:
    copy_toy(place.runs_dir, ON_TOY.name)
    assert recorded(ON_TOY, place) == "recorded from ffnn-toy/1"
    assert recorded(ON_TOY, place) == "recorded"
    assert read_record(place.records / "ffnn-toy.json")["seed"] == 0
    assert (
        recorded(Experiment("ffnn", "toy", 5), Place(place.records / "other", place.models_dir, place.runs_dir, {}))
        is None
    )


def test_the_record_outlives_the_model(place: Place, copy_toy: CopyToy) -> None:
    copy_toy(place.runs_dir, ON_TOY.name)
    recorded(ON_TOY, place)
    assert recorded(ON_TOY, Place(place.records, place.models_dir, place.runs_dir / "gone", {})) == "recorded"


def test_the_version_in_service_goes_before_all_others(place: Place, copy_toy: CopyToy) -> None:
    copy_toy(place.runs_dir, ON_TOY.name)
    recorded(ON_TOY, place)
    for version in (1, 2):
        copy_toy(place.models_dir, ON_TOY.name, version, seed=3)
    assert recorded(ON_TOY, place) == "recorded from ffnn-toy/2"
    (place.models_dir / ON_TOY.name / "labels.json").write_text(json.dumps({"stable": 1}))
    assert recorded(ON_TOY, place) == "recorded from ffnn-toy/1"
    assert read_record(place.records / "ffnn-toy.json")["seed"] == 3


def test_the_command(place: Place, tmp_path: Path) -> None:
    command = training_command(
        Experiment("lenet5", "mnist", 4), Place(place.records, place.models_dir, place.runs_dir, {"mnist": tmp_path}, 2)
    )
    assert command[1:] == [
        "-m", "training", "train", "--model", "lenet5", "--dataset", "mnist", "--seed", "4",
        "--models-dir", str(tmp_path / "runs"), "--epochs", "2", "--data-dir", str(tmp_path),
    ]  # fmt: skip


@pytest.mark.slow
def test_a_run_that_fails_does_not_stop_the_next(place: Place, copy_toy: CopyToy, tmp_path: Path) -> None:
    """There is nothing in the directory where the data are said to be; the second is trained already."""
    copy_toy(place.runs_dir, ON_TOY.name)
    broken = Experiment("ffnn", "mnist")
    console = Console(file=StringIO(), width=200)
    failed = run_all(
        [broken, ON_TOY], Place(place.records, place.models_dir, place.runs_dir, {"mnist": tmp_path}), console
    )
    assert failed == [broken]
    said = console.file.getvalue()  # type: ignore[attr-defined]
    assert "ffnn on mnist, seed 1 failed" in said
    assert "ffnn on toy, seed 0: recorded from ffnn-toy/1" in said


@pytest.mark.slow
def test_an_experiment_from_beginning_to_end(place: Place, mnist: Dataset) -> None:
    console = Console(file=StringIO(), width=200)
    experiment = Experiment("ffnn", "mnist")
    assert run_all([experiment], Place(place.records, place.models_dir, place.runs_dir, {}, epochs=1), console) == []
    record = read_record(place.records / "ffnn.json")
    assert record["metrics"]["test"]["accuracy"] > 0.9
    assert len(record["metrics"]["test"]["mistakes"]) == 10_000 - record["metrics"]["test"]["correct"]
    assert "1 trained in" in console.file.getvalue()  # type: ignore[attr-defined]
