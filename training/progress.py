"""What the one at the terminal sees while a model is fitted: a bar, the time left, and a line for each epoch."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import keras
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from rich.console import Console

    from training.checkpoints import RunState
    from training.run_length import RunLength


class ProgressBar(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """One bar over all steps of all epochs. Where the console is no terminal, the line for each epoch remains.

    The history in `state` grows by one document for each epoch, as the card has it.
    """

    def __init__(self, length: RunLength, state: RunState, console: Console) -> None:
        super().__init__()
        self._length, self._state = length, state
        self._started_seconds = 0.0
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("steps"),
            TimeElapsedColumn(),
            TextColumn("left:"),
            TimeRemainingColumn(),
            console=console,
        )
        self._task = self._bar.add_task(
            "training", total=length.steps, completed=state.epochs_done * length.steps_per_epoch
        )

    def __enter__(self) -> ProgressBar:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002 - Keras' signature
        self._started_seconds = time.monotonic()
        self._bar.update(self._task, description=f"epoch {epoch + 1}/{self._length.epochs}")

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        self._bar.advance(self._task)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        scores = logs or {}
        row: dict[str, float | int] = {"epoch": epoch + 1}
        row |= {key: round(float(scores[key]), 6) for key in ("loss", "accuracy", "val_loss", "val_accuracy")}
        row["learning_rate"] = float(self.model.optimizer.learning_rate)
        row["seconds"] = round(time.monotonic() - self._started_seconds, 2)
        self._state.history.append(row)
        self.say(
            f"epoch {row['epoch']:>3}/{self._length.epochs}  loss {row['loss']:.4f}  accuracy {row['accuracy']:.4f}  "
            f"val_loss {row['val_loss']:.4f}  val_accuracy {row['val_accuracy']:.4f}  {row['seconds']:.1f} s"
        )

    def say(self, line: str) -> None:
        """Print a line above the bar."""
        self._bar.console.print(line, highlight=False, soft_wrap=True)
