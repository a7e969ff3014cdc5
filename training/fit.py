"""Fitting: the one place where weights change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from training.architecture.build import build_trained
from training.losses import DigitAccuracy, OpenSetCrossentropy
from training.pipeline import Part, steps_per_epoch, to_pixels, training_batches
from training.progress import ProgressBar
from training.schedule import OneCycle

if TYPE_CHECKING:
    from rich.console import Console

    from training.architecture import Architecture
    from training.config import TrainingConfig


@dataclass(frozen=True, eq=False)
class Fitted:
    """A trained Keras model, its weights averaged, and `history`: a document for each epoch, as the card has it.

    The losses in it are those that were minimised, label smoothing included.
    """

    model: keras.Model
    history: list[dict[str, float | int]]


def make_repeatable(seed: int) -> None:
    """Seed every generator of this process and make TensorFlow's ops deterministic. Cannot be undone."""
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def fit(
    architecture: Architecture, training: Part, validation: Part, config: TrainingConfig, console: Console
) -> Fitted:
    """Train `architecture` as `config` says, for minutes; the same weights each time after `make_repeatable`.

    Raises `ConfigurationError` when architecture or batch size do not suit the data.
    """
    steps = steps_per_epoch(training, config)
    model = build_trained(architecture, training.images.shape[1:])
    model.compile(
        optimizer=_optimizer(config, total_steps=steps * config.epochs),
        loss=OpenSetCrossentropy(config.label_smoothing),
        metrics=[DigitAccuracy()],
        jit_compile=False,  # compiling takes longer than it saves on a CPU
    )
    targets = np.eye(architecture.classes, dtype=np.float32)[validation.labels]
    with ProgressBar(config.epochs, steps, console) as progress:
        model.fit(
            training_batches(training, architecture.classes, config),
            epochs=config.epochs,
            steps_per_epoch=steps,
            validation_data=(to_pixels(validation.images), targets),
            validation_batch_size=500,
            # The averaged weights are what gets validated, and what remains in the model at the end.
            callbacks=[keras.callbacks.SwapEMAWeights(), progress],
            shuffle=False,  # the pipeline has shuffled
            verbose=0,
        )
    return Fitted(model, progress.history)


def _optimizer(config: TrainingConfig, total_steps: int) -> Any:
    common = {
        "learning_rate": OneCycle(config.learning_rate, total_steps, config.warmup_share),
        "use_ema": True,
        "ema_momentum": max(0.0, 1.0 - 1.0 / (config.averaging_share * total_steps)),
    }
    match config.optimizer:
        case "adamw":
            return keras.optimizers.AdamW(weight_decay=config.weight_decay, **common)
        case "adam":
            return keras.optimizers.Adam(**common)
        case "sgd":
            return keras.optimizers.SGD(momentum=0.9, nesterov=True, **common)
        case _:
            return keras.optimizers.RMSprop(**common)
