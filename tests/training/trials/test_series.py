"""A series of trials: in order, kept as they finish, and not run twice."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from architectures import preset
from tests.toy_model import toy_digits
from training.config import TrainingConfig
from training.errors import ConfigurationError, TrainingError
from training.trials import Failed, Outcome, Pictures, Store, Trial, TrialResult
from training.trials.series import run_series


@pytest.fixture(scope="module")
def pictures() -> Pictures:
    images, labels = toy_digits(60)
    return Pictures(images[..., None], labels, tuple("0123456789"))


def trial(title: str, seed: int, batch_size: int = 20) -> Trial:
    config = TrainingConfig("mlp-8", epochs=1, batch_size=batch_size, seed=seed)
    return Trial(title, preset("mlp-8"), config, np.arange(40), np.arange(40, 60))


def outcome_of(trial: Trial, pictures: Pictures, console: Console) -> Outcome:  # as run_trial, without the wait
    if trial.config.batch_size > len(trial.training):
        return Failed("too few pictures")
    return TrialResult(0.5, 0.5, trial.config.seed, 20, (0.5,) * 10, 2.0, ())


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The titles of the trials that were run, in their order."""
    titles: list[str] = []

    def run(one: Trial, pictures: Pictures, console: Console) -> Outcome:
        if one.title == "interrupted":
            raise KeyboardInterrupt
        titles.append(one.title)
        return outcome_of(one, pictures, console)

    monkeypatch.setattr("training.trials.run.run_trial", run)
    return titles


def test_outcomes_are_in_the_order_of_the_trials(pictures: Pictures, tmp_path: Path, ran: list[str]) -> None:
    screen = io.StringIO()
    trials = [trial("one", 1), trial("none", 2, batch_size=50), trial("three", 3)]
    store = Store(tmp_path)
    outcomes = run_series(trials, pictures, store, Console(file=screen, width=200))
    assert ran == ["one", "none", "three"]
    assert outcomes == [outcome_of(one, pictures, Console()) for one in trials]
    assert outcomes[1] == Failed("too few pictures")
    lines = screen.getvalue().splitlines()
    assert lines[0] == "3 to fit"
    assert lines[1].startswith("1/3  one  loss 0.5000  accuracy 50.00%  2 s  left: ")
    assert lines[2].startswith("2/3  none  no result: too few pictures")
    assert "left" not in lines[3]

    assert run_series(trials, pictures, store, Console(quiet=True)) == outcomes
    assert ran == ["one", "none", "three"]
    run_series(trials, pictures, store, Console(quiet=True), fresh=True)
    assert ran == ["one", "none", "three"] * 2


def test_an_interrupt_leaves_what_has_finished(pictures: Pictures, tmp_path: Path, ran: list[str]) -> None:
    screen, store = io.StringIO(), Store(tmp_path)
    trials = [trial("one", 1), trial("two", 2), trial("interrupted", 3), trial("four", 4)]
    with pytest.raises(KeyboardInterrupt):
        run_series(trials, pictures, store, Console(file=screen, width=200))
    assert f"2 of 4 are kept in {tmp_path}; the same command goes on from there" in screen.getvalue()
    trials[2] = trial("three", 3)
    assert len(run_series(trials, pictures, store, Console(quiet=True))) == 4
    assert ran == ["one", "two", "three", "four"]


@pytest.mark.parametrize("changed", ["seed", "epochs", "learning_rate", "label_smoothing"])
def test_whatever_decides_the_weights_makes_another_trial(pictures: Pictures, changed: str) -> None:
    values = {"seed": 7, "epochs": 3, "learning_rate": 0.5, "label_smoothing": 0.3}
    first = Trial("", preset("mlp-8"), TrainingConfig("mlp-8"), np.arange(40), np.arange(40, 60))
    config = TrainingConfig("mlp-8", **{changed: values[changed]})  # type: ignore[arg-type]
    other = Trial("", preset("mlp-8"), config, np.arange(40), np.arange(40, 60))
    assert first.identity(pictures) != other.identity(pictures)


def test_pictures_and_architecture_make_another_trial_and_a_name_does_not(pictures: Pictures) -> None:
    config, first, rest = TrainingConfig("mlp-8"), np.arange(40), np.arange(40, 60)
    one = Trial("", preset("mlp-8"), config, first, rest).identity(pictures)
    named = TrainingConfig("mlp-8", name="mine", report_every=5)
    assert Trial("other title", preset("mlp-8"), named, first, rest).identity(pictures) == one
    others = Pictures(255 - pictures.images, pictures.labels, pictures.names)
    assert Trial("", preset("mlp-8"), config, first, rest).identity(others) != one
    assert Trial("", preset("mlp-8"), config, first[:-1], rest).identity(pictures) != one
    assert Trial("", preset("mlp-8"), config, first, rest, watched=rest[:5]).identity(pictures) != one
    assert Trial("", preset("mlp-9"), config, first, rest).identity(pictures) != one


def test_the_work_of_a_fit_is_bounded_by_its_steps(pictures: Pictures) -> None:
    config, first, rest = TrainingConfig("mlp-8", epochs=10, batch_size=20), np.arange(40), np.arange(40, 60)
    whole = Trial("", preset("mlp-8"), config, first, rest).cost(pictures)
    short = TrainingConfig("mlp-8", epochs=10, batch_size=20, max_steps=5)
    assert Trial("", preset("mlp-8"), short, first, rest).cost(pictures) == pytest.approx(whole / 4)


def test_a_place_that_cannot_be_written_is_known_before_the_first_fit(
    pictures: Pictures, tmp_path: Path, ran: list[str]
) -> None:
    (tmp_path / "runs").write_text("in the way")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        run_series([trial("one", 1)], pictures, Store(tmp_path / "runs"), Console(quiet=True))
    assert ran == []


@pytest.mark.slow
def test_a_process_that_dies_is_told_of(pictures: Pictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.trials.worker.work", lambda *_: os._exit(1))
    with pytest.raises(TrainingError, match="fewer --jobs"):
        run_series([trial("one", 1), trial("two", 2)], pictures, Store(tmp_path), Console(quiet=True), jobs=2)
