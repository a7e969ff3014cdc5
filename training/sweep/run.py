"""A sweep from its plan to what came of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from training.sweep.plan import Fit, title_of
from training.trials import Pictures, Trial, TrialResult
from training.trials.series import run_series

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from training.data import Dataset
    from training.sweep.plan import Combination
    from training.sweep.table import Sweep
    from training.trials import Store


def run_sweep(
    sweep: Sweep,
    plan: Sequence[Combination],
    dataset: Dataset,
    validation_size: int,
    store: Store,
    console: Console,
    *,
    jobs: int = 1,
    fresh: bool = False,
) -> Sweep:
    """`sweep` with a result, or the reason why there is none, for each combination of its `plan`.

    All are trained on the training part without the `validation_size` pictures that all are scored on. What is left of
    an interrupt, `jobs` and `fresh` are as in `training.trials.series.run_series`. Takes minutes to hours. Raises
    `TrainingError`.
    """
    from training.pipeline import joined, split

    training, validation, _ = split(dataset, validation_size)
    both = joined(training, validation)
    pictures = Pictures(both.images, both.labels, tuple(dataset.spec.labels))
    held_out = np.arange(len(training), len(both))
    rows = list(sweep.rows)
    fitting = []
    for at, combination in enumerate(plan):
        if not isinstance(combination.outcome, Fit):
            continue
        wanted = combination.outcome.config.pictures
        if wanted is not None and wanted > len(training):
            reason = f"--pictures {wanted} is more than the {len(training)} pictures to train on."
            rows[at] = replace(rows[at], reason=reason)
        else:
            fitting.append(at)
    trials = [_trial(plan[at], len(training), held_out) for at in fitting]
    for at, outcome in zip(fitting, run_series(trials, pictures, store, console, jobs=jobs, fresh=fresh), strict=True):
        if isinstance(outcome, TrialResult):
            rows[at] = replace(rows[at], result=outcome)
        else:
            rows[at] = replace(rows[at], reason=outcome.reason)
    return replace(sweep, rows=tuple(rows))


def _trial(combination: Combination, available: int, held_out: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Trial:
    fit = combination.outcome
    assert isinstance(fit, Fit)  # noqa: S101 - the caller has chosen those; this tells the type checker
    # The training part is in random order, so that its first pictures are as good as any.
    training = np.arange(fit.config.pictures or available)
    config = replace(fit.config, pictures=None, report_every=None)
    return Trial(title_of(combination.values), fit.architecture, config, training, held_out)
