"""The whole way, on a small data set: what a run leaves behind, and that it can be repeated."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tensorflow as tf
from rich.console import Console

from architectures import ARCHITECTURES, ArchitectureError
from tests.toy_model import toy_dataset
from training.command_line import command_line
from training.config import OPTIMIZERS, TrainingConfig
from training.fit import fit, make_repeatable
from training.networks.build import build_served
from training.pipeline import split
from training.publish import read_card, verify
from training.recipes import RECIPES, recipe, with_optimizer
from training.run import predict, train_and_publish
from training.synthesis import outliers

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from training.data import Dataset

pytestmark = pytest.mark.slow

CONFIG = replace(RECIPES["cnn"], epochs=3, batch_size=32, validation_size=100)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return toy_dataset(420, 101)  # 101: no batch size divides it


@pytest.fixture(scope="module")
def screen() -> io.StringIO:
    return io.StringIO()


@pytest.fixture(scope="module")
def published(dataset: Dataset, screen: io.StringIO, tmp_path_factory: pytest.TempPathFactory) -> Path:
    console = Console(file=screen, force_terminal=True, width=120)
    return train_and_publish(CONFIG, dataset, tmp_path_factory.mktemp("models"), console).directory


@pytest.fixture(scope="module")
def card(published: Path) -> dict[str, Any]:
    return read_card(published)


def weights_after(config: TrainingConfig, dataset: Dataset) -> list[NDArray[np.float32]]:
    training, validation, _ = split(dataset, config.validation_size)
    make_repeatable(config.seed)
    fitted = fit(ARCHITECTURES[config.model], training, validation, config, Console(quiet=True))
    return list(fitted.model.get_weights())


def test_it_learns(card: dict[str, Any]) -> None:
    assert card["metrics"]["test"]["accuracy"] > 0.9


def test_it_learns_what_is_no_digit(published: Path, dataset: Dataset) -> None:
    loaded = tf.saved_model.load(str(published))
    strange = outliers(200, dataset.x_test, dataset.y_test, seed=9)
    (_, of_digits), (_, of_others) = predict(loaded, dataset.x_test), predict(loaded, strange[..., None])
    # The chance that a picture without a digit has more energy than one with a digit.
    assert (of_others[:, None] > of_digits).mean() > 0.9


def test_the_same_seed_gives_the_same_weights(dataset: Dataset) -> None:
    config = replace(CONFIG, epochs=1)
    first, again = weights_after(config, dataset), weights_after(config, dataset)
    assert all((one == other).all() for one, other in zip(first, again, strict=True))
    another = weights_after(replace(config, seed=2), dataset)
    assert not any((one == other).all() for one, other in zip(first, another, strict=True))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_each_optimizer_lowers_the_loss(optimizer: str, dataset: Dataset) -> None:
    config = with_optimizer(replace(recipe("mlp-32"), epochs=3, batch_size=32, validation_size=100), optimizer)
    training, validation, _ = split(dataset, 100)
    make_repeatable(1)
    history = fit(config.architecture(10), training, validation, config, Console(quiet=True)).history
    assert history[-1]["loss"] < 0.8 * history[0]["loss"]


def test_the_screen_shows_progress_and_the_time_left(published: Path, screen: io.StringIO) -> None:
    assert published.name == "1"
    shown = screen.getvalue()
    assert "epoch   3/3" in shown
    assert "val_accuracy" in shown
    assert "30/30" in shown  # three epochs of ten steps
    assert "left:" in shown


def test_files_are_those_on_the_card(published: Path) -> None:
    assert verify(published)["files"].keys() >= {"saved_model.pb", "variables/variables.index"}


def test_the_test_part_was_scored_whole_and_by_what_is_served(
    published: Path, card: dict[str, Any], dataset: Dataset
) -> None:
    probabilities, energies = predict(tf.saved_model.load(str(published)), dataset.x_test)
    assert probabilities.shape == (101, 10)
    assert energies.shape == (101,)
    test = card["metrics"]["test"]
    assert test["total"] == 101
    assert test["correct"] == int((probabilities.argmax(axis=1) == dataset.y_test).sum())
    assert sum(map(sum, test["confusion_matrix"])) == 101
    assert [row["label"] for row in test["per_class"]] == list("0123456789")


def test_thresholds_hold_for_what_is_served(published: Path, card: dict[str, Any], dataset: Dataset) -> None:
    validation = split(dataset, CONFIG.validation_size)[1]
    probabilities, energies = predict(tf.saved_model.load(str(published)), validation.images)
    rejection = card["rejection"]
    assert (energies <= rejection["energy"]["reject_above"]).mean() >= rejection["keep_share"]
    kept = probabilities.max(axis=1) >= rejection["max_probability"]["reject_below"]
    assert kept.mean() >= rejection["keep_share"]


def test_what_the_card_tells(card: dict[str, Any], dataset: Dataset) -> None:
    assert set(card) == {
        "schema", "name", "version", "created", "labels", "input", "architecture", "dataset", "hyperparameters", "seed",
        "history", "command", "metrics", "calibration", "rejection", "signatures", "libraries", "git_commit", "files",
    }  # fmt: skip
    assert (card["schema"], card["name"], card["version"], card["seed"]) == (1, "cnn", 1, 1)
    assert card["labels"] == list("0123456789")
    assert card["input"] == {"shape": [28, 28, 1], "dtype": "uint8", "preparation": "mnist"}
    assert card["created"].endswith("+00:00")
    assert card["dataset"] == {
        "name": "toy",
        "source": "synthetic",
        "sha256": dict(dataset.spec.sha256),
        "train": 320,
        "validation": 100,
        "test": 101,
    }
    assert card["hyperparameters"]["augmentation"]["rotation_degrees"] == 15.0
    assert card["hyperparameters"]["epochs"] == 3
    assert "model" not in card["hyperparameters"]
    assert card["command"] == command_line(CONFIG)
    assert set(card["libraries"]) == {"python", "keras", "numpy", "tensorflow"}
    assert 0.05 < card["calibration"]["temperature"] < 20
    assert card["calibration"]["fitted_on"] == card["rejection"]["fitted_on"] == "validation, as it is and augmented"


def test_the_history_has_a_row_for_each_epoch(card: dict[str, Any]) -> None:
    assert [row["epoch"] for row in card["history"]] == [1, 2, 3]
    for row in card["history"]:
        assert set(row) == {"epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds"}
        assert row["seconds"] > 0


def test_the_architecture_on_the_card_is_that_of_keras(card: dict[str, Any]) -> None:
    model = build_served(ARCHITECTURES["cnn"], (28, 28, 1))
    assert card["architecture"]["parameters"] == model.count_params()
    assert [row["name"] for row in card["architecture"]["layers"]] == [layer.name for layer in model.layers[1:]]
    assert card["architecture"]["macs"] == sum(row["macs"] for row in card["architecture"]["layers"])


def test_the_signatures_on_the_card_are_those_of_the_contract(card: dict[str, Any]) -> None:
    images = {"dtype": "uint8", "shape": [None, 28, 28, 1]}
    signatures = card["signatures"]
    assert set(signatures) == {
        "serving_default",
        "activations",
        "untrained_activations",
        "filters",
        "saliency",
        "smoothgrad",
        "integrated_gradients",
        "occlusion",
        "grad_cam",
        "maximize",
    }
    assert signatures["serving_default"] == {
        "inputs": {"images": images},
        "outputs": {
            "probabilities": {"dtype": "float32", "shape": [None, 10]},
            "energy": {"dtype": "float32", "shape": [None]},
        },
    }
    assert signatures["saliency"] == {
        "inputs": {"images": images, "classes": {"dtype": "int32", "shape": [None]}},
        "outputs": {"saliency": {"dtype": "float32", "shape": [None, 28, 28]}},
    }
    assert signatures["filters"]["inputs"] == {}
    layers = card["architecture"]["layers"]
    assert signatures["activations"]["outputs"] == {
        row["name"]: {"dtype": "float32", "shape": [None, *row["output_shape"]]} for row in layers
    }
    with_weights = {row["name"] for row in layers if row["parameters"]}
    assert set(signatures["filters"]["outputs"]) == {f"{name}/{w}" for name in with_weights for w in ("kernel", "bias")}


def test_a_model_that_does_not_exist(dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(ArchitectureError, match="resnet"):
        train_and_publish(replace(CONFIG, model="resnet"), dataset, tmp_path, Console(quiet=True))
    assert list(tmp_path.iterdir()) == []
