"""One trial: fitted, scored, and gone. Needs TensorFlow."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import keras
import numpy as np
import tensorflow as tf

from architectures import ArchitectureError
from training.errors import ConfigurationError
from training.fit import fit, make_repeatable
from training.metrics import score
from training.pipeline import Part, to_pixels
from training.trials.result import Failed, Outcome, TrialResult

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rich.console import Console

    from training.trials.trial import Pictures, Trial

_BATCH = 500


def run_trial(trial: Trial, pictures: Pictures, console: Console) -> Outcome:
    """Fit a fresh model and score it on what was held out. Takes minutes.

    The outcome depends on the trial alone, not on what this process did before. Makes the process deterministic for
    good.
    """
    keras.backend.clear_session()  # or the graphs of all trials would gather in memory
    make_repeatable(trial.config.seed)
    held_out = _part(pictures, trial.held_out)
    watched = held_out if trial.watched is None else _part(pictures, trial.watched)
    started_seconds = time.monotonic()
    try:
        fitted = fit(trial.architecture, _part(pictures, trial.training), watched, trial.config, console)
    except (ArchitectureError, ConfigurationError) as error:
        return Failed(str(error))
    seconds = time.monotonic() - started_seconds
    scores = score(_probabilities(fitted.model, held_out.images), held_out.labels, pictures.names)
    if not math.isfinite(scores["loss"]):
        return Failed("The loss is no number: training got out of hand.")
    return TrialResult(
        loss=scores["loss"],
        accuracy=scores["accuracy"],
        correct=scores["correct"],
        total=scores["total"],
        recalls=tuple(row["recall"] for row in scores["per_class"]),
        seconds=round(seconds, 2),
        history=tuple(fitted.history),
    )


def run_beside_others(trial: Trial, pictures: Pictures, console: Console, threads: int) -> Outcome:
    """`run_trial` in a process of its own, with so many of TensorFlow's threads, the same for all trials of a process."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    return run_trial(trial, pictures, console)


def _part(pictures: Pictures, chosen: NDArray[np.int64]) -> Part:
    return Part(pictures.images[chosen], pictures.labels[chosen])


def _probabilities(model: keras.Model, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    batches = [
        tf.nn.softmax(model(to_pixels(images[at : at + _BATCH]), training=False)).numpy()
        for at in range(0, len(images), _BATCH)
    ]
    return np.concatenate(batches)
