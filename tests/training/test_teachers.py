"""Learning from other models: who may teach, and what becomes of the targets."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tensorflow as tf

from tests.toy_model import toy_dataset, write_toy_model
from training.cli import main
from training.committee import Committee
from training.config import Augmentation, TrainingConfig
from training.errors import ConfigurationError, PublishError
from training.pipeline import split, training_batches
from training.publish import verify
from training.run import predict
from training.teachers import Teacher, read_teachers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.data import Dataset, DatasetSpec

pytestmark = pytest.mark.slow

CONFIG = TrainingConfig(
    model="cnn",
    batch_size=32,
    validation_size=60,
    augmentation=Augmentation(rotation_degrees=20.0, pen=0.5),
    rare_share=0.25,
    outlier_share=0.25,
    teacher_share=0.75,
)
FITTING = {"validation_size": 200, "outlier_share": 0.25}


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return toy_dataset()


@pytest.fixture(scope="module")
def committee(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two versions that answer alike and are not equally sure."""
    models = tmp_path_factory.mktemp("committee")
    return [write_toy_model(models, version=seed, seed=seed, hyperparameters=FITTING) for seed in (1, 2)]


def read(directories: list[Path], dataset: Dataset, config: TrainingConfig = CONFIG) -> tuple[Teacher, ...]:
    return read_teachers(
        directories, dataset, validation_size=config.validation_size, with_outliers=config.outlier_share > 0
    )


def votes(directory: Path, images: NDArray[np.uint8], *, open_set: bool) -> NDArray[np.float32]:
    probabilities, energies = predict(tf.saved_model.load(str(directory)), images)
    if not open_set:
        return probabilities
    return (probabilities / (1.0 + np.exp(energies))[:, None]).astype(np.float32)


@pytest.mark.parametrize("open_set", [False, True])
def test_each_teacher_has_one_vote(committee: list[Path], dataset: Dataset, *, open_set: bool) -> None:
    images = dataset.x_test[:50]
    one, other = (votes(directory, images, open_set=open_set) for directory in committee)
    assert np.abs(one - other).max() > 0.01
    targets = Committee(read(committee, dataset), open_set=open_set)(tf.constant(images)).numpy()
    np.testing.assert_allclose(targets, (one + other) / 2, atol=1e-6)
    np.testing.assert_allclose(targets.sum(axis=1) if not open_set else np.ones(50), 1.0, atol=1e-5)


def test_a_target_is_partly_what_they_say_of_the_very_picture(committee: list[Path], dataset: Dataset) -> None:
    training = split(dataset, CONFIG.validation_size)[0]
    taught = replace(CONFIG, teachers=read(committee, dataset))
    alone, together = (
        list(training_batches(training, 10, config, 5).take(3).as_numpy_iterator()) for config in (CONFIG, taught)
    )
    for (pixels, labels), (the_same, targets) in zip(alone, together, strict=True):
        assert (pixels == the_same).all()
        seen = np.rint(pixels * 255).astype(np.uint8)
        said = np.mean([votes(directory, seen, open_set=True) for directory in committee], axis=0)
        np.testing.assert_allclose(targets, 0.25 * labels + 0.75 * said, atol=1e-5)


def test_without_pictures_of_no_digit_the_rest_is_not_asked_for(committee: list[Path], dataset: Dataset) -> None:
    config = replace(CONFIG, rare_share=0.0, outlier_share=0.0, teacher_share=1.0)
    taught = replace(config, teachers=read(committee, dataset, config))
    _, targets = next(training_batches(split(dataset, 60)[0], 10, taught).as_numpy_iterator())
    np.testing.assert_allclose(targets.sum(axis=1), 1.0, atol=1e-5)


def test_the_same_batches_each_time(committee: list[Path], dataset: Dataset) -> None:
    training = split(dataset, CONFIG.validation_size)[0]
    taught = replace(CONFIG, teachers=read(committee, dataset))
    first, again = (list(training_batches(training, 10, taught).take(4).as_numpy_iterator()) for _ in range(2))
    assert all((a[1] == b[1]).all() for a, b in zip(first, again, strict=True))


def test_what_is_known_of_a_teacher(committee: list[Path], dataset: Dataset) -> None:
    one, other = read(committee, dataset)
    assert (one.name, one.version, one.seed) == ("toy", 1, 1)
    assert one.sha256[1] != other.sha256[1]
    document = one.document()
    assert set(document) == {"name", "version", "seed", "command", "sha256"}
    assert json.loads(json.dumps(document)) == document


@pytest.mark.parametrize(
    ("hyperparameters", "message"),
    [
        ({"validation_size": 200}, "not learned what is no digit.*--outlier-share"),
        (
            {"validation_size": 59, "outlier_share": 0.25},
            "learned from pictures that this run validates on.* was 59 and this run's is 60",
        ),
    ],
)
def test_who_may_not_teach(dataset: Dataset, tmp_path: Path, hyperparameters: dict[str, Any], message: str) -> None:
    directory = write_toy_model(tmp_path, hyperparameters=hyperparameters)
    with pytest.raises(ConfigurationError, match=f"--teacher .*toy/1 cannot teach this run: .*{message}"):
        read([directory], dataset)


def test_other_classes_and_other_pictures(committee: list[Path], dataset: Dataset) -> None:
    clothes = replace(dataset, spec=replace(dataset.spec, labels=("shirt", "shoe")))
    with pytest.raises(ConfigurationError, match="its classes are not those of toy"):
        read(committee, clothes)
    with pytest.raises(ConfigurationError, match=r"its pictures are \[28, 28, 1\], those of toy \[14, 14, 1\]"):
        read(committee, replace(dataset, x_train=dataset.x_train[:, ::2, ::2]))


def test_a_teacher_that_is_not_whole(dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(
        ConfigurationError, match="--teacher .*nowhere is no directory of a version, as models/cnn/1 is"
    ):
        read([tmp_path / "nowhere"], dataset)
    silent = write_toy_model(tmp_path)
    with pytest.raises(PublishError, match="toy/1 has a card that does not tell how it was trained: 'validation_size'"):
        read([silent], dataset, replace(CONFIG, outlier_share=0.0))
    (silent / "saved_model.pb").write_bytes(b"changed")
    with pytest.raises(PublishError, match=r"saved_model.pb has changed"):
        read([silent], dataset)


def test_a_share_is_one(dataset: Dataset) -> None:
    with pytest.raises(ConfigurationError, match=r"--teacher-share must lie in \[0, 1\], not 1.5"):
        replace(CONFIG, teacher_share=1.5)


def test_the_command(
    declared: DatasetSpec,
    idx_directory: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DIGITS_RUNS_DIR", str(tmp_path / "runs"))
    arguments = ["train", "--model", "ffnn", "--dataset", declared.name, "--name", "net", "--epochs", "1"]
    arguments += ["--validation-size", "60", "--data-dir", str(idx_directory), "--models-dir", str(tmp_path / "models")]
    assert main([*arguments, "--seed", "4"]) == 0
    assert main([*arguments, "--seed", "5"]) == 0
    teachers = [str(tmp_path / "models" / "net" / version) for version in "12"]
    assert main([*arguments, "--teacher", teachers[0], "--teacher", teachers[1], "--teacher-share", "0.5"]) == 0
    published = tmp_path / "models" / "net" / "3"
    card = verify(published)
    assert [(teacher["version"], teacher["seed"]) for teacher in card["teachers"]] == [(1, 4), (2, 5)]
    assert card["teachers"][1]["command"] == verify(Path(teachers[1]))["command"]
    assert card["hyperparameters"]["teacher_share"] == 0.5
    assert "--teacher net/1 --teacher net/2 --teacher-share 0.5" in card["command"]
    assert str(tmp_path) not in (published / "assets.extra" / "card.json").read_text()
    assert "teachers" not in verify(Path(teachers[0]))
    capsys.readouterr()
    assert main([*arguments, "--teacher", str(tmp_path / "models" / "net")]) == 1
    assert "has no readable assets.extra/card.json" in capsys.readouterr().err
