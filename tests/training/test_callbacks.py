"""What happens between steps and epochs: reports, an early end, a late one, and one that cannot be."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from rich.console import Console

from tests.toy_model import toy_dataset
from training.errors import ConfigurationError
from training.fit import fit, make_repeatable
from training.pipeline import Part, split, to_pixels
from training.recipes import recipe

if TYPE_CHECKING:
    from training.config import TrainingConfig
    from training.fit import Fitted

pytestmark = pytest.mark.slow

CONFIG = replace(recipe("mlp-32"), epochs=4, batch_size=32, validation_size=100, averaging_share=0.2)


def fit_toy(config: TrainingConfig, *, screen: io.StringIO | None = None, shuffled_labels: bool = False) -> Fitted:
    training, validation, test = split(toy_dataset(420, 60), config.validation_size)
    if shuffled_labels:
        validation = Part(validation.images, np.roll(validation.labels, 1))
    make_repeatable(config.seed)
    console = Console(file=screen or io.StringIO(), width=120)
    return fit(config.architecture(10), training, validation, config, console, test=test)


def loss_of(fitted: Fitted, part: Part) -> float:
    logits = np.asarray(fitted.model(to_pixels(part.images), training=False), np.float64)
    return float((np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(part)), part.labels]).mean())


def test_steps_are_counted_over_epochs_and_reported() -> None:
    screen = io.StringIO()
    fitted = fit_toy(replace(CONFIG, max_steps=13, report_every=5), screen=screen)
    assert [row["epoch"] for row in fitted.history] == [1, 2]
    assert [point["step"] for point in fitted.test_curve] == [5, 10, 13]
    shown = screen.getvalue()
    for point in fitted.test_curve:
        assert f"step {point['step']}: test accuracy {point['test_accuracy']:.4f}" in shown
    assert "epoch   2/2" in shown
    assert int(fitted.model.optimizer.iterations) == 13


def test_the_last_report_is_of_the_weights_that_remain() -> None:
    fitted = fit_toy(replace(CONFIG, max_steps=10, report_every=10, averaging_share=0.0))
    test = split(toy_dataset(420, 60), 100)[2]
    predicted = np.asarray(fitted.model(to_pixels(test.images), training=False)).argmax(axis=1)
    assert fitted.test_curve[-1]["test_accuracy"] == pytest.approx((predicted == test.labels).mean(), abs=1e-6)


def test_reports_change_no_weight() -> None:
    with_reports, without = fit_toy(replace(CONFIG, epochs=1, report_every=3)), fit_toy(replace(CONFIG, epochs=1))
    for one, other in zip(with_reports.model.get_weights(), without.model.get_weights(), strict=True):
        assert (one == other).all()


def test_early_stopping_takes_the_best_epoch() -> None:
    # Validation labels that are nobody's: the better the net learns, the worse it does on them.
    patience = 2
    config = replace(CONFIG, epochs=30, early_stopping=patience)
    fitted = fit_toy(config, shuffled_labels=True)
    losses = [row["val_loss"] for row in fitted.history]
    best = int(np.argmin(losses))
    assert len(losses) == best + 1 + patience < config.epochs
    validation = split(toy_dataset(420, 60), 100)[1]
    scored = Part(validation.images, np.roll(validation.labels, 1))
    assert loss_of(fitted, scored) == pytest.approx(losses[best], rel=1e-4)


def test_without_averaging_what_remains_is_what_was_validated() -> None:
    fitted = fit_toy(replace(CONFIG, epochs=2, averaging_share=0.0))
    validation = split(toy_dataset(420, 60), 100)[1]
    assert loss_of(fitted, validation) == pytest.approx(fitted.history[-1]["val_loss"], rel=1e-4)


def test_a_loss_that_is_no_number_ends_the_run() -> None:
    config = replace(CONFIG, optimizer="sgd", learning_rate=10.0, averaging_share=0.0, epochs=9)
    training, validation, _ = split(toy_dataset(420, 60), 100)
    make_repeatable(1)
    architecture = replace(config, architecture_keys={"activation": "linear"}).architecture(10)
    with pytest.raises(ConfigurationError, match="got out of hand in epoch .* lower --learning-rate than 10.0"):
        fit(architecture, training, validation, config, Console(quiet=True))


def test_fewer_pictures_are_fewer_steps() -> None:
    fitted = fit_toy(replace(CONFIG, epochs=1, pictures=70))
    assert int(fitted.model.optimizer.iterations) == 2
