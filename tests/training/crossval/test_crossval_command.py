"""The command: what it fits, keeps and shows, and how it goes on after an interrupt."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.toy_model import toy_dataset, toy_digits
from training.cli import main
from training.config import TrainingConfig
from training.crossval.folds import make_folds, set_aside
from training.crossval.run import _trial, training_pictures
from training.data import DatasetSpec
from training.errors import ConfigurationError
from training.trials import Pictures

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Data of one's own, so that a process that knows nothing of this one can load them."""
    path = tmp_path / "toy.npz"
    (x_train, y_train), (x_test, y_test) = toy_digits(120, seed=1), toy_digits(20, seed=2)
    np.savez(path, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    return path


def arguments(own: Path, runs: Path) -> list[str]:
    common = ["--dataset", str(own), "--runs-dir", str(runs), "--epochs", "1", "--batch-size", "20"]
    return ["crossval", "--model", "mlp-8", "--folds", "3", "--format", "json", *common]


@pytest.mark.slow
def test_an_interrupt_keeps_the_folds_that_have_finished(
    own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [sys.executable, "-u", "-m", "training", *arguments(own, tmp_path / "runs")]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("1/3  fold 1"):
                os.kill(process.pid, signal.SIGINT)
                break
        out, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert out == ""
    assert "are kept in" in err
    assert "Traceback" not in err
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs" / "trials").iterdir()}
    assert 1 <= len(kept) < 3

    assert main(arguments(own, tmp_path / "runs")) == 0
    shown = capsys.readouterr()
    assert f"{len(kept)} of 3 have finished before" in shown.err
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    document = json.loads(shown.out)
    assert [fold["total"] for fold in document["folds"]] == [40, 40, 40]
    assert document["accuracy"]["mean"] == pytest.approx(sum(fold["correct"] for fold in document["folds"]) / 120)
    assert "--folds 3" in document["command"]
    assert str(tmp_path) not in document["command"]

    # The same folds fitted without a break, in a process that has fitted others before.
    assert main([*arguments(own, tmp_path / "runs"), "--fresh"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert [fold["loss"] for fold in again["folds"]] == [fold["loss"] for fold in document["folds"]]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--folds", "1"], "--folds must be at least 2"),
        (["--folds", "31"], "more than the 30 pictures of class '0'"),
        (["--pictures", "301"], "--pictures 301 is more than the 300 pictures"),
        (["--jobs", "0"], "--jobs"),
        (["--set", "filterSize=4"], "filterSize 4"),
    ],
)
def test_what_makes_no_sense(
    declared: DatasetSpec, idx_directory: Path, tmp_path: Path, given: list[str], said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    data = ["--dataset", declared.name, "--data-dir", str(idx_directory), "--runs-dir", str(tmp_path / "runs")]
    assert main(["crossval", "--model", "conv-pool-n", *data, *given]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_early_stopping_looks_at_pictures_that_do_not_count() -> None:
    labels = (np.arange(200) % 10).astype(np.uint8)
    fold = make_folds(labels, 4, 1, tuple("0123456789"))[0]
    rest, tenth = set_aside(fold.training, labels, 1)
    assert sorted([*rest.tolist(), *tenth.tolist()]) == fold.training.tolist()
    assert not set(tenth.tolist()) & set(fold.held_out.tolist())
    assert np.bincount(labels[tenth]).max() <= 2


def test_only_early_stopping_takes_pictures_from_those_to_train_on() -> None:
    images, labels = toy_digits(200)
    pictures = Pictures(images[..., None], labels, tuple("0123456789"))
    fold = make_folds(labels, 4, 1, pictures.names)[0]
    plain, stopping = (
        _trial("fold", TrainingConfig("mlp-8", early_stopping=patience), fold, pictures) for patience in (None, 2)
    )
    assert plain.watched is None
    assert plain.training.tolist() == fold.training.tolist()
    assert stopping.watched is not None
    assert len(stopping.watched) == 15
    assert len(stopping.training) == 135
    assert stopping.held_out.tolist() == fold.held_out.tolist()


def test_a_part_of_the_pictures_is_always_the_same() -> None:
    dataset = toy_dataset(100, 20)
    some, again, more = (training_pictures(dataset, count) for count in (30, 30, 60))
    assert some.digest == again.digest
    assert len(some.labels) == 30
    found = {image.tobytes() for image in more.images}
    assert all(image.tobytes() in found for image in some.images)


def test_early_stopping_with_too_few_pictures() -> None:
    labels = (np.arange(30) % 10).astype(np.uint8)
    fold = make_folds(labels, 3, 1, tuple("0123456789"))[0]
    with pytest.raises(ConfigurationError, match="--early-stopping needs a tenth"):
        set_aside(fold.training, labels, 1)


def test_help_needs_no_tensorflow() -> None:
    for command in ("crossval", "sweep"):
        code = f"import sys\nsys.modules['tensorflow'] = None\nfrom training.cli import main\nmain(['{command}', '-h'])"
        result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        for option in ("--model", "--set", "--learning-rate", "--jobs", "--runs-dir", "--format", "--out", "--fresh"):
            assert option in result.stdout
