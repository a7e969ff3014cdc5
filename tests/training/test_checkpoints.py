"""The file of a run: whole or not there, of one process at a time, and never mistaken for another run's."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import keras
import numpy as np
import pytest

from training.checkpoints import Checkpoint, RunState, reserved, run_directory
from training.errors import ConfigurationError, PublishError
from training.recipes import recipe

if TYPE_CHECKING:
    from pathlib import Path

DATA = {"images": "00"}


def small_model(units: int = 3) -> keras.Model:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(units), keras.layers.Dropout(0.5)])
    model.compile(optimizer=keras.optimizers.Adam(use_ema=True), loss="mse")
    model.optimizer.build(model.trainable_variables)
    return model


def test_what_was_saved_comes_back(tmp_path: Path) -> None:
    model, checkpoint = small_model(), Checkpoint(tmp_path)
    model.fit(np.ones((8, 4)), np.zeros((8, 3)), verbose=0)
    state = RunState(2, [{"epoch": 1}, {"epoch": 2}], [{"step": 5}], 0.25, model.get_weights(), 1, stopped=True)
    checkpoint.save(model, state)
    other = small_model()
    restored = checkpoint.restore(other)
    assert restored is not None
    kept = ("epochs_done", "history", "test_curve", "best_loss", "waited", "stopped")
    assert all(getattr(restored, name) == getattr(state, name) for name in kept)
    assert all((a == b).all() for a, b in zip(restored.best_weights, state.best_weights, strict=True))
    for mine, theirs in (
        (model.variables, other.variables),
        (model.optimizer.variables, other.optimizer.variables),
    ):
        assert len(mine) > 2
        assert all((a.numpy() == b.numpy()).all() for a, b in zip(mine, theirs, strict=True))


def test_nothing_saved(tmp_path: Path) -> None:
    assert Checkpoint(tmp_path).restore(small_model()) is None


def test_nothing_but_the_file_is_left_and_nothing_in_the_end(tmp_path: Path) -> None:
    directory = tmp_path / "run"
    with reserved(directory) as checkpoint:
        for _ in range(2):
            checkpoint.save(small_model(), RunState())
        (directory / ".checkpoint.npz-killed").write_bytes(b"half of it")
        checkpoint.remove()
    assert not directory.exists()


def test_what_else_lies_there_stays(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("mine")
    Checkpoint(tmp_path).save(small_model(), RunState())
    Checkpoint(tmp_path).remove()
    assert [path.name for path in tmp_path.iterdir()] == ["notes"]


@pytest.mark.parametrize("cut", [0, 100, 1000])
def test_a_damaged_file_says_what_to_do(tmp_path: Path, cut: int) -> None:
    checkpoint = Checkpoint(tmp_path)
    checkpoint.save(small_model(), RunState())
    checkpoint.path.write_bytes(checkpoint.path.read_bytes()[:cut])
    with pytest.raises(ConfigurationError, match="--fresh starts over"):
        checkpoint.restore(small_model())


@pytest.mark.parametrize("other", [keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)]), small_model(5)])
def test_the_file_of_another_model(tmp_path: Path, other: keras.Model) -> None:
    if not other.compiled:
        other.compile("sgd", "mse")
        other.optimizer.build(other.trainable_variables)
    Checkpoint(tmp_path).save(small_model(), RunState())
    with pytest.raises(ConfigurationError, match="cannot be gone on from"):
        Checkpoint(tmp_path).restore(other)


def test_two_processes_are_never_at_one_run(tmp_path: Path) -> None:
    with (
        reserved(tmp_path / "run"),
        pytest.raises(ConfigurationError, match="Another process is at this run"),
        reserved(tmp_path / "run"),
    ):
        pass
    with reserved(tmp_path / "run"):
        pass


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file in the way")
    with pytest.raises(PublishError, match="runs/x cannot be written"), reserved(tmp_path / "runs" / "x"):
        pass


def test_every_run_has_a_directory_of_its_own(tmp_path: Path) -> None:
    config = recipe("cnn")
    mine = run_directory(tmp_path, config, DATA)
    assert mine.name.startswith("cnn-")
    others = [replace(config, seed=2), replace(config, augmentation=recipe("mlp").augmentation), recipe("lenet5")]
    directories = {mine, *(run_directory(tmp_path, other, DATA) for other in others)}
    assert len(directories | {run_directory(tmp_path, config, {"images": "01"})}) == 5
    assert run_directory(tmp_path, replace(config, report_every=5), DATA) == mine
