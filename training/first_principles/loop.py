"""The training loop, written out: forward, loss, gradient, step; shuffled anew each epoch."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from training.first_principles.adam import Adam
from training.first_principles.functions import cross_entropy
from training.pipeline import Part, to_pixels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import keras
    from numpy.typing import NDArray
    from rich.console import Console

    from training.first_principles.loop_config import LoopConfig

    Step = Callable[[Any, Any], tuple[Any, Any]]

_AT_ONCE = 200  # pictures that are scored at a time


def train(
    model: keras.Model, training: Part, validation: Part, config: LoopConfig, console: Console
) -> list[dict[str, float | int]]:
    """Train `model`, pixels (N, H, W, C) in [0, 1] to logits (N, K), in place; return a document for each epoch.

    `loss` and `accuracy` are means over the epoch, each batch before its step, dropout and the like at work; `val_loss`
    and `val_accuracy` are those of the weights at the epoch's end. The order of the pictures follows from the seed.
    """
    step = make_step(model, config.learning_rate)
    rng = np.random.default_rng(config.seed)
    per_epoch = -(-len(training) // config.batch_size)
    history: list[dict[str, float | int]] = []
    with _progress(console) as progress:
        bar = progress.add_task("training", total=config.epochs * per_epoch)
        for epoch in range(1, config.epochs + 1):
            progress.update(bar, description=f"epoch {epoch}/{config.epochs}")
            started_seconds = time.monotonic()
            sums = np.zeros(2)
            for chosen in _batches(rng.permutation(len(training)), config.batch_size):
                losses, correct = step(to_pixels(training.images[chosen]), _integers(training.labels[chosen]))
                sums += float(tf.reduce_sum(losses)), float(tf.reduce_sum(correct))
                progress.advance(bar)
            loss, accuracy = sums / len(training)
            val_loss, val_accuracy = score(model, validation)
            row: dict[str, float | int] = {"epoch": epoch, "loss": round(float(loss), 6)}
            row |= {"accuracy": round(float(accuracy), 6), "val_loss": round(val_loss, 6)}
            row |= {"val_accuracy": round(val_accuracy, 6), "seconds": round(time.monotonic() - started_seconds, 2)}
            history.append(row)
            progress.console.print(_line(row, config.epochs), highlight=False, soft_wrap=True)
    return history


def make_step(model: keras.Model, learning_rate: float) -> Step:
    """A function of (pixels, labels) that takes one step; it gives each picture's loss and whether it was right."""
    variables = [variable.value for variable in model.trainable_variables]
    adam = Adam(variables, learning_rate)

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def step(pixels: Any, labels: Any) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            logits = model(pixels, training=True)  # (B, K)
            losses = cross_entropy(tf.one_hot(labels, logits.shape[1]), logits)  # (B,)
            loss = tf.reduce_mean(losses)
        adam.apply(tape.gradient(loss, variables))
        return losses, _right(logits, labels)

    return step


def score(model: keras.Model, part: Part) -> tuple[float, float]:
    """Mean cross-entropy in nats and share of pictures that are right, of the weights as they are."""
    loss, right = 0.0, 0.0
    for chosen in _batches(np.arange(len(part)), _AT_ONCE):
        labels = _integers(part.labels[chosen])
        logits = model(to_pixels(part.images[chosen]), training=False)
        loss += float(tf.reduce_sum(cross_entropy(tf.one_hot(labels, logits.shape[1]), logits)))
        right += float(tf.reduce_sum(_right(logits, labels)))
    return loss / len(part), right / len(part)


def _batches(order: NDArray[np.int64], size: int) -> Iterator[NDArray[np.int64]]:
    """All of it; the last one may be smaller."""
    for start in range(0, len(order), size):
        yield order[start : start + size]


def _right(logits: Any, labels: Any) -> Any:
    return tf.cast(tf.argmax(logits, axis=1, output_type=tf.int32) == labels, tf.float32)


def _integers(labels: NDArray[np.uint8]) -> Any:
    return tf.constant(labels, tf.int32)


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("steps"),
        TimeElapsedColumn(),
        TextColumn("left:"),
        TimeRemainingColumn(),
        console=console,
    )


def _line(row: dict[str, float | int], epochs: int) -> str:
    return (
        f"epoch {row['epoch']:>3}/{epochs}  loss {row['loss']:.4f}  accuracy {row['accuracy']:.4f}  "
        f"val_loss {row['val_loss']:.4f}  val_accuracy {row['val_accuracy']:.4f}  {row['seconds']:.1f} s"
    )
