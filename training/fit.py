"""Fitting: the one place where weights change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import keras
import tensorflow as tf

from training.callbacks import BestEpoch, SaveEachEpoch, StopAfterSteps, StopWhenAsked, StopWhenDiverged, TestCurve
from training.checkpoints import Checkpoint, RunState
from training.losses import DigitAccuracy, training_loss
from training.networks.build import build_trained
from training.optimizers import make_optimizer
from training.pipeline import Part, first, to_pixels, training_batches
from training.progress import ProgressBar
from training.run_length import RunLength, run_length

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from architectures import Architecture
    from training.config import TrainingConfig
    from training.interruption import Interruption

VALIDATION_BATCH = 500


@dataclass(frozen=True, eq=False)
class Fitted:
    """A trained Keras model, its weights averaged, and `history`: a document for each epoch, as the card has it.

    The losses in it are those that were minimised, label smoothing included. `test_curve` has a document for each
    report on the test part, when such were asked for. `backend` is what Keras ran on.
    """

    model: keras.Model
    history: list[dict[str, float | int]]
    test_curve: list[dict[str, float | int]]
    backend: str = "tensorflow"


def make_repeatable(seed: int) -> None:
    """Seed every generator of this process and make TensorFlow's ops deterministic. Cannot be undone."""
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def fit(
    architecture: Architecture,
    training: Part,
    validation: Part,
    config: TrainingConfig,
    console: Console,
    *,
    test: Part | None = None,
    checkpoint: Checkpoint | None = None,
    as_is: bool = False,
    interruption: Interruption | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> Fitted:
    """Train `architecture` as `config` says, for minutes; the same weights each time after `make_repeatable`.

    With a `checkpoint` it goes on at the epoch that had been reached, to the same weights, and saves each one that
    follows; `as_is` trains no further. `interruption` is asked after each step. `test` is what `report_every` reports
    on. Further `callbacks` see the model after ours.

    Raises `ConfigurationError` when architecture or batch size do not suit the data, or the loss gets out of hand, and
    `RunInterruptedError` when asked to stop.
    """
    training = first(training, config.pictures)
    length = run_length(training, config)
    model = compiled(architecture, training.images.shape[1:], config, length.steps)
    state = (checkpoint.restore(model) if checkpoint else None) or RunState()
    end = state.epochs_done if as_is or state.stopped else length.epochs
    if end > state.epochs_done:
        state.backend = keras.backend.backend()
        with ProgressBar(length, state, console) as progress:
            model.fit(
                training_batches(training, architecture.classes, config, state.epochs_done * length.steps_per_epoch),
                initial_epoch=state.epochs_done,
                epochs=end,
                steps_per_epoch=length.steps_per_epoch,
                validation_data=_in_order(validation, architecture.classes),
                callbacks=[
                    *_ours(config, length, state, test, checkpoint, interruption, progress),
                    *callbacks,
                ],
                shuffle=False,  # the pipeline has shuffled
                verbose=0,
            )
    elif config.averaging_share:
        model.optimizer.finalize_variable_values(model.trainable_variables)  # as Keras does at the end of `fit`
    if state.best_weights:
        model.set_weights(state.best_weights)
    return Fitted(model, state.history, state.test_curve, state.backend)


def compiled(
    architecture: Architecture, input_shape: Sequence[int], config: TrainingConfig, total_steps: int
) -> keras.Model:
    """The model before its first step, with optimizer and loss. Raises `ConfigurationError` when a layer does not fit."""
    model = build_trained(architecture, input_shape)
    model.compile(
        optimizer=make_optimizer(config, total_steps),
        loss=training_loss(config),
        metrics=[DigitAccuracy()],
        # TensorFlow's convolutions take half as long on a CPU as XLA's, and JAX without XLA is op by op.
        jit_compile=keras.backend.backend() == "jax",
    )
    model.optimizer.build(model.trainable_variables)  # so that it can be restored
    return model


def _in_order(part: Part, classes: int) -> tf.data.Dataset:
    """All of a part as the loss wants it: pixels float32 (B, H, W, C), one-hot labels float32 (B, K)."""
    batches = tf.data.Dataset.from_tensor_slices((part.images, part.labels)).batch(VALIDATION_BATCH)
    return batches.map(lambda images, labels: (to_pixels(images), tf.one_hot(labels, classes)))


def _ours(
    config: TrainingConfig,
    length: RunLength,
    state: RunState,
    test: Part | None,
    checkpoint: Checkpoint | None,
    interruption: Interruption | None,
    progress: ProgressBar,
) -> list[keras.callbacks.Callback]:
    """Ours, in the order in which they are told of each event."""
    chosen: list[keras.callbacks.Callback] = [StopWhenDiverged(config)]
    if config.early_stopping:
        chosen.append(BestEpoch(config.early_stopping, state))  # looks while the averaged weights are still in place
    if config.averaging_share:
        # The averaged weights are what gets validated, and what remains in the model at the end.
        chosen.append(keras.callbacks.SwapEMAWeights())
    if config.report_every and test is not None:
        chosen.append(TestCurve(test, config.report_every, state, length, progress.say))
    chosen.append(progress)
    if config.max_steps:
        chosen.append(StopAfterSteps(length, state))
    if checkpoint:
        chosen.append(SaveEachEpoch(checkpoint, state))
    if interruption:
        chosen.append(StopWhenAsked(interruption, state))
    return chosen
