"""From a data set to the batches a model is fitted on: split, shuffle, augment.

The order of the pictures and every random amount depend on the seed and on the step alone, never on timing, so the
work may run in parallel and still be repeated exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from training.augment import augment
from training.errors import ConfigurationError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.config import TrainingConfig
    from training.data import Dataset

# One and the same for every run: versions are compared on the same validation pictures.
SPLIT_SEED = 20_240_229


@dataclass(frozen=True, eq=False)
class Part:
    """Pictures uint8 (N, H, W, C) with their labels uint8 (N,)."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.labels)


def split(dataset: Dataset, validation_size: int) -> tuple[Part, Part, Part]:
    """The training, validation and test parts; the channel axis is added.

    Validation pictures are drawn at random from the data set's training part, always the same ones for one size.
    Raises `ConfigurationError` when they would leave nothing to train on.
    """
    count = len(dataset.y_train)
    if validation_size >= count:
        raise ConfigurationError(f"A validation part of {validation_size} leaves nothing of {count} to train on.")
    order = np.random.default_rng(SPLIT_SEED).permutation(count)
    validation, training = order[:validation_size], order[validation_size:]
    return (
        Part(dataset.x_train[training, ..., None], dataset.y_train[training]),
        Part(dataset.x_train[validation, ..., None], dataset.y_train[validation]),
        Part(dataset.x_test[..., None], dataset.y_test),
    )


def to_pixels(images: Any) -> Any:
    """uint8 in [0, 255] to float32 in [0, 1]; the one scaling there is, in training and inside the served graph."""
    return tf.cast(images, tf.float32) / 255.0


def steps_per_epoch(part: Part, config: TrainingConfig) -> int:
    """Whole batches in the training part. The rest of an epoch is left out, other pictures each time.

    Raises `ConfigurationError` when there is not one whole batch.
    """
    if len(part) < config.batch_size:
        raise ConfigurationError(f"--batch-size {config.batch_size} is more than the {len(part)} pictures to train on.")
    return len(part) // config.batch_size


def training_batches(part: Part, classes: int, config: TrainingConfig) -> tf.data.Dataset:
    """Endless (pixels float32 (B, H, W, C) in [0, 1], one-hot labels float32 (B, K)), shuffled anew each epoch."""
    images = tf.constant(part.images)
    targets = tf.one_hot(part.labels, classes)

    def make_batch(step: Any, chosen: Any) -> tuple[Any, Any]:
        seed = tf.stack([tf.constant(config.seed, tf.int64), step])
        return augment(to_pixels(tf.gather(images, chosen)), config.augmentation, seed), tf.gather(targets, chosen)

    order = tf.data.Dataset.range(len(part)).shuffle(len(part), seed=config.seed)
    chosen = order.batch(config.batch_size, drop_remainder=True).repeat()
    batches = tf.data.Dataset.zip(tf.data.Dataset.counter(), chosen)
    return batches.map(make_batch, num_parallel_calls=2, deterministic=True).prefetch(4)
