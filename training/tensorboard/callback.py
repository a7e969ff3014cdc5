"""The Keras callback that writes the logs. Keras' own needs TensorBoard to write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from training.tensorboard.pictures import first_kernels
from training.tensorboard.projector import write_projector
from training.tensorboard.summaries import write_histogram, write_image, write_scalar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from training.pipeline import Part


def tensorboard_callbacks(
    directory: Path, labels: Sequence[str]
) -> Callable[[tuple[Part, Part, Part]], list[keras.callbacks.Callback]]:
    """What makes the callback, once training, validation and test part are known; the test part is not looked at."""

    def make(parts: tuple[Part, Part, Part]) -> list[keras.callbacks.Callback]:
        return [TensorBoardLog(directory, parts[1], labels)]

    return make


class TensorBoardLog(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Scalars, histograms and kernels at each epoch, the graph at the first one, the projector's files at the end."""

    def __init__(self, directory: Path, validation: Part, labels: Sequence[str]) -> None:
        super().__init__()
        self._directory, self._validation, self._labels = directory, validation, labels
        self._train: Any = None
        self._valid: Any = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002 - Keras' signature
        self._train = tf.summary.create_file_writer(str(self._directory / "train"))
        self._valid = tf.summary.create_file_writer(str(self._directory / "validation"))
        with self._train.as_default():
            tf.summary.graph(self._graph())

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        scores, step = logs or {}, epoch + 1
        with self._valid.as_default():
            for name in ("loss", "accuracy"):
                write_scalar(name, float(scores[f"val_{name}"]), step)
        with self._train.as_default():
            for name in ("loss", "accuracy"):
                write_scalar(name, float(scores[name]), step)
            write_scalar("learning_rate", float(self.model.optimizer.learning_rate), step)
            for weight in self.model.weights:
                write_histogram(weight.path, weight.numpy(), step)
            kernels = first_kernels(self.model)
            if kernels is not None:
                write_image("first kernels", kernels, step)
        self._train.flush()
        self._valid.flush()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        write_projector(self.model, self._validation, self._labels, self._directory)
        self._train.close()
        self._valid.close()

    def _graph(self) -> Any:
        model = self.model
        shape = tf.TensorSpec((None, *model.input_shape[1:]), tf.float32, name="pixels")
        return tf.function(lambda pixels: model(pixels, training=False)).get_concrete_function(shape).graph
