"""What happens between steps and epochs, as Keras callbacks. They share the notes of the run, a `RunState`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from training.errors import ConfigurationError
from training.pipeline import to_pixels

if TYPE_CHECKING:
    from collections.abc import Callable

    from training.checkpoints import Checkpoint, RunState
    from training.config import TrainingConfig
    from training.interruption import Interruption
    from training.pipeline import Part
    from training.run_length import RunLength

_BATCH = 500


class StopWhenDiverged(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Ends a run whose loss is no number any more, before it costs hours. Raises `ConfigurationError`."""

    def __init__(self, config: TrainingConfig) -> None:
        super().__init__()
        self._rate = config.learning_rate

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        losses = {key: float((logs or {}).get(key, 0.0)) for key in ("loss", "val_loss")}
        if not all(map(math.isfinite, losses.values())):
            raise ConfigurationError(
                f"The loss got out of hand in epoch {epoch + 1}; a lower --learning-rate than {self._rate} may help."
            )


class BestEpoch(keras.callbacks.Callback):  # type: ignore[misc]
    """Remembers the validated weights of the epoch with the lowest validation loss, and stops when it stays behind.

    Keras' own remembers the weights between two validations, which are not the averaged ones. To be listed before
    `SwapEMAWeights`, which takes those out again.
    """

    def __init__(self, patience: int, state: RunState) -> None:
        super().__init__()
        self._patience, self._state = patience, state

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        loss, state = float((logs or {})["loss"]), self._state
        if state.best_loss is None or loss < state.best_loss:
            state.best_loss, state.best_weights, state.waited = loss, self.model.get_weights(), 0
        else:
            state.waited += 1

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002 - Keras' signature
        if self._state.waited >= self._patience:
            self._state.stopped = self.model.stop_training = True


class TestCurve(keras.callbacks.Callback):  # type: ignore[misc]
    """Tells the accuracy on the test part after every `every` steps, of the weights as they are, and after the last.

    To look at: whoever chooses anything by it has made the test part a validation part.
    """

    def __init__(self, test: Part, every: int, state: RunState, length: RunLength, say: Callable[[str], None]) -> None:
        super().__init__()
        self._test, self._every, self._state, self._say = test, every, state, say
        self._last = length.steps
        self._step = state.epochs_done * length.steps_per_epoch
        self._classify: Any = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        model = self.model
        self._classify = tf.function(lambda images: tf.argmax(model(to_pixels(images), training=False), axis=1))

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        self._step += 1
        if self._step % self._every and self._step != self._last:
            return
        images, labels = self._test.images, self._test.labels
        found = [self._classify(tf.constant(images[at : at + _BATCH])) for at in range(0, len(images), _BATCH)]
        accuracy = float((np.concatenate(found) == labels).mean())
        self._state.test_curve.append({"step": self._step, "test_accuracy": round(accuracy, 6)})
        self._say(f"step {self._step}: test accuracy {accuracy:.4f}")


class StopAfterSteps(keras.callbacks.Callback):  # type: ignore[misc]
    """Ends the run after so many steps in all, in the middle of an epoch if need be; that epoch is validated."""

    def __init__(self, length: RunLength, state: RunState) -> None:
        super().__init__()
        self._last = length.steps
        self._step = state.epochs_done * length.steps_per_epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        self._step += 1
        if self._step >= self._last:
            self.model.stop_training = True


class SaveEachEpoch(keras.callbacks.Callback):  # type: ignore[misc]
    """Saves weights and notes at the end of each epoch. To be listed behind all that writes notes."""

    def __init__(self, checkpoint: Checkpoint, state: RunState) -> None:
        super().__init__()
        self._checkpoint, self._state = checkpoint, state

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        self._state.epochs_done = epoch + 1
        self._checkpoint.save(self.model, self._state)


class StopWhenAsked(keras.callbacks.Callback):  # type: ignore[misc]
    """Ends the run after the step or the epoch in which Ctrl-C was pressed. Raises `RunInterruptedError`."""

    def __init__(self, interruption: Interruption, state: RunState) -> None:
        super().__init__()
        self._interruption, self._state = interruption, state

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        self._interruption.end_if_asked(self._state.epochs_done)

    def on_test_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        self._interruption.end_if_asked(self._state.epochs_done)
