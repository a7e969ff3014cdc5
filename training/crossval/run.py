"""A cross-validation from its recipe to its summary."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from architectures import layer_table, totals
from training.crossval.folds import make_folds, set_aside
from training.crossval.summary import CrossValidation
from training.errors import ConfigurationError
from training.trials import Failed, Pictures, Trial
from training.trials.series import run_series

if TYPE_CHECKING:
    from rich.console import Console

    from training.config import TrainingConfig
    from training.crossval.folds import Fold
    from training.data import Dataset
    from training.trials import Store, TrialResult


def cross_validate(
    config: TrainingConfig,
    dataset: Dataset,
    folds: int,
    store: Store,
    console: Console,
    *,
    command: str,
    jobs: int = 1,
    fresh: bool = False,
) -> CrossValidation:
    """Fit the model that `config` describes `folds` times, each time scored on the fold that it has not seen.

    The folds are drawn by the seed from the training part, or from `config.pictures` of it; the validation part of
    other commands belongs to it here. `command` is what is said to repeat it; `jobs` and `fresh` are as in
    `training.trials.series.run_series`, as is what an interrupt leaves. Takes minutes. Raises `TrainingError`.
    """
    pictures = training_pictures(dataset, config.pictures)
    architecture = config.architecture(len(pictures.names))
    cost = totals(layer_table(architecture, pictures.images.shape[1:]))
    trials = [
        _trial(f"fold {number}", replace(config, pictures=None, report_every=None), fold, pictures)
        for number, fold in enumerate(make_folds(pictures.labels, folds, config.seed, pictures.names), start=1)
    ]
    results: list[TrialResult] = []
    for outcome in run_series(trials, pictures, store, console, jobs=jobs, fresh=fresh):
        if isinstance(outcome, Failed):
            raise ConfigurationError(outcome.reason)
        results.append(outcome)
    return CrossValidation(
        command, config.model, len(pictures.labels), cost.parameters, cost.macs, pictures.names, tuple(results)
    )


def training_pictures(dataset: Dataset, count: int | None) -> Pictures:
    """The training part of a data set, or `count` of its pictures, always the same ones.

    Raises `ConfigurationError` when there are not as many.
    """
    images, labels = dataset.x_train, dataset.y_train
    if count is not None and count > len(labels):
        raise ConfigurationError(f"--pictures {count} is more than the {len(labels)} pictures to train on.")
    if count is not None and count < len(labels):
        # Imported late, since it brings TensorFlow.
        from training.pipeline import SPLIT_SEED

        chosen = np.sort(np.random.default_rng(SPLIT_SEED).permutation(len(labels))[:count])
        images, labels = images[chosen], labels[chosen]
    return Pictures(images, labels, tuple(dataset.spec.labels))


def _trial(title: str, config: TrainingConfig, fold: Fold, pictures: Pictures) -> Trial:
    training, watched = fold.training, None
    if config.early_stopping is not None:
        training, watched = set_aside(training, pictures.labels, config.seed)
    return Trial(title, config.architecture(len(pictures.names)), config, training, fold.held_out, watched)
