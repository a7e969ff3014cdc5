"""A run that is killed, or interrupted, goes on where it was, to the very weights of a run that nothing happened to."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest
from rich.console import Console

from tests.toy_model import toy_dataset
from training.checkpoints import Checkpoint
from training.errors import ConfigurationError, RunInterruptedError
from training.fit import Fitted, fit, make_repeatable
from training.interruption import Interruption
from training.pipeline import split
from training.publish import read_card
from training.recipes import AUGMENTATIONS, recipe
from training.run import train_and_publish

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]

# Dropout, batch normalisation, averaged weights, moments, made pictures, a curve, and patience: all that has a memory.
CONFIG = replace(
    recipe("mlp"),
    epochs=4,
    batch_size=32,
    validation_size=100,
    rare_share=0.0,
    outlier_share=0.1,
    early_stopping=9,
    report_every=7,
    augmentation=AUGMENTATIONS["handwriting"]["light"],
)
STEPS = 10  # an epoch's


class AtStep(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Does something once, after so many steps."""

    def __init__(self, step: int, act: Callable[[], Any]) -> None:
        super().__init__()
        self._left, self._act = step, act

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._left -= 1
        if self._left == 0:
            self._act()


def fit_toy(directory: Path | None, act: AtStep | None = None, **options: Any) -> Fitted:
    """One run on the toy data; with a directory it keeps a checkpoint there."""
    training, validation, test = split(toy_dataset(420, 60), CONFIG.validation_size)
    make_repeatable(CONFIG.seed)
    with Interruption() as interruption:
        return fit(
            CONFIG.architecture(10),
            training,
            validation,
            CONFIG,
            Console(quiet=True),
            test=test,
            checkpoint=Checkpoint(directory) if directory else None,
            interruption=interruption,
            callbacks=[act] if act else [],
            **options,
        )


def without_seconds(history: list[dict[str, float | int]]) -> list[dict[str, float | int]]:
    return [{key: value for key, value in row.items() if key != "seconds"} for row in history]


@pytest.fixture(scope="module")
def undisturbed() -> Fitted:
    return fit_toy(None)


def assert_same(fitted: Fitted, undisturbed: Fitted) -> None:
    for found, expected in zip(fitted.model.get_weights(), undisturbed.model.get_weights(), strict=True):
        assert (found == expected).all()
    assert without_seconds(fitted.history) == without_seconds(undisturbed.history)
    assert fitted.test_curve == undisturbed.test_curve


def test_what_a_killed_process_had_reached_is_gone_on_from(undisturbed: Fitted, tmp_path: Path) -> None:
    code = (
        "import os, signal\nfrom pathlib import Path\n"
        "from tests.training.test_resume import AtStep, STEPS, fit_toy\n"
        "kill = lambda: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"fit_toy(Path({str(tmp_path)!r}), AtStep(2 * STEPS + 3, kill))\n"
    )
    killed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    left = np.load(tmp_path / "checkpoint.npz")
    assert '"epochs_done": 2' in str(left["note"])
    resumed = fit_toy(tmp_path)
    assert_same(resumed, undisturbed)


def test_ctrl_c_ends_after_the_step_and_keeps_the_epochs_before_it(undisturbed: Fitted, tmp_path: Path) -> None:
    steps = AtStep(STEPS + 2, lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(RunInterruptedError) as caught:
        fit_toy(tmp_path, steps)
    assert caught.value.epochs_done == 1
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert_same(fit_toy(tmp_path), undisturbed)


def test_a_finished_run_is_not_trained_again(undisturbed: Fitted, tmp_path: Path) -> None:
    assert_same(fit_toy(tmp_path), undisturbed)
    assert_same(fit_toy(tmp_path, AtStep(1, lambda: pytest.fail("a step was taken"))), undisturbed)


def test_the_second_ctrl_c_does_not_wait() -> None:
    with Interruption() as interruption:
        os.kill(os.getpid(), signal.SIGINT)
        assert interruption.asked
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


SMALL = replace(recipe("mlp-16"), epochs=3, batch_size=32, validation_size=100)


@dataclass
class WholeWay:
    """A run from the data to the published version, with its directories and its screen."""

    folder: Path
    screen: io.StringIO = field(default_factory=io.StringIO)

    @property
    def models(self) -> Path:
        return self.folder / "models"

    @property
    def runs(self) -> Path:
        return self.folder / "runs"

    def go(self, interrupt_at: int = -1, **options: Any) -> Path:
        interrupt = AtStep(interrupt_at, lambda: os.kill(os.getpid(), signal.SIGINT))
        console = Console(file=self.screen, width=200)
        published = train_and_publish(
            SMALL,
            toy_dataset(420, 60),
            self.models,
            console,
            runs_dir=self.runs,
            watch=lambda _: [interrupt],
            **options,
        )
        return published.directory


@pytest.fixture(scope="module")
def left_behind(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directories of a run that was interrupted in its second epoch."""
    run = WholeWay(tmp_path_factory.mktemp("interrupted"))
    with pytest.raises(RunInterruptedError) as caught:
        run.go(interrupt_at=STEPS + 2)
    message = str(caught.value)
    assert "after 1 of 3 epochs" in message
    assert all(word in message for word in (str(run.runs), "The same command goes on", "--as-is", "--fresh"))
    assert not run.models.exists()
    return run.folder


@pytest.fixture
def interrupted(left_behind: Path, tmp_path: Path) -> WholeWay:
    return WholeWay(Path(shutil.copytree(left_behind, tmp_path / "again")))


def test_the_same_command_goes_on_publishes_and_clears_up(interrupted: WholeWay) -> None:
    published = interrupted.go()
    assert [row["epoch"] for row in read_card(published)["history"]] == [1, 2, 3]
    assert "going on from" in interrupted.screen.getvalue()
    assert list(interrupted.runs.iterdir()) == []


def test_as_is_publishes_what_had_been_reached(interrupted: WholeWay) -> None:
    card = read_card(interrupted.go(as_is=True))
    assert [row["epoch"] for row in card["history"]] == [1]
    assert card["interrupted"] == {"epochs_done": 1, "epochs": 3}
    with pytest.raises(ConfigurationError, match="there is no such run"):
        interrupted.go(as_is=True)


def test_fresh_starts_over(interrupted: WholeWay) -> None:
    published = interrupted.go(fresh=True)
    assert len(read_card(published)["history"]) == 3
    assert "going on from" not in interrupted.screen.getvalue()


def test_an_interrupt_in_the_first_epoch_keeps_nothing(tmp_path: Path) -> None:
    with pytest.raises(RunInterruptedError, match="nothing is kept"):
        WholeWay(tmp_path).go(interrupt_at=2)
