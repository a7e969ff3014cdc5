"""From a data set to the batches a model is fitted on: split, shuffle, make, augment.

Drawn digits and pictures that are no digit, made by `training.synthesis`, come on top of each batch.

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
from training.synthesis import outliers, rare_digits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.config import TrainingConfig
    from training.data import Dataset

# One and the same for every run: versions are compared on the same validation pictures.
SPLIT_SEED = 20_240_229
_RARE_DIGITS, _OUTLIERS = 6_000, 20_000  # how many there are of each; a run changes each one anew every time
_AT_ONCE = 500


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


def joined(first: Part, second: Part) -> Part:
    """The pictures of both."""
    return Part(np.concatenate([first.images, second.images]), np.concatenate([first.labels, second.labels]))


def altered(part: Part, config: TrainingConfig) -> Part:
    """The pictures of `part` as training would change them, the same way each time, whatever the seed; uint8 again."""
    batches = [
        augment(
            to_pixels(part.images[at : at + _AT_ONCE]), config.augmentation, tf.constant([SPLIT_SEED, at], tf.int64)
        )
        for at in range(0, len(part), _AT_ONCE)
    ]
    return Part(np.concatenate([np.rint(batch.numpy() * 255.0).astype(np.uint8) for batch in batches]), part.labels)


def training_batches(part: Part, classes: int, config: TrainingConfig) -> tf.data.Dataset:
    """Endless (pixels float32 (B, H, W, C) in [0, 1], one-hot labels float32 (B, K)), shuffled anew each epoch.

    What is no digit has zeros for a label, and comes last in its batch; drawn digits come before that.
    """
    images = tf.constant(part.images)
    targets = tf.one_hot(part.labels, classes)
    extras = _extras(part, classes, config)

    def make_batch(step: Any, chosen: Any) -> tuple[Any, Any]:
        seed = tf.stack([tf.constant(config.seed, tf.int64), step])
        # Other seeds than those of `augment`, which adds nothing, or a large number, to both halves.
        drawn = [extra.draw(seed + 7 * (number + 1)) for number, extra in enumerate(extras)]
        pixels = tf.concat([tf.gather(images, chosen), *(pixels for pixels, _ in drawn)], axis=0)
        labels = tf.concat([tf.gather(targets, chosen), *(labels for _, labels in drawn)], axis=0)
        return augment(to_pixels(pixels), config.augmentation, seed), labels

    order = tf.data.Dataset.range(len(part)).shuffle(len(part), seed=config.seed)
    chosen = order.batch(config.batch_size, drop_remainder=True).repeat()
    batches = tf.data.Dataset.zip(tf.data.Dataset.counter(), chosen)
    return batches.map(make_batch, num_parallel_calls=2, deterministic=True).prefetch(4)


class _Extra:
    """A store of pictures of which every batch gets some, drawn with replacement."""

    def __init__(self, images: NDArray[np.uint8], targets: NDArray[np.float32], each: int) -> None:
        self._images, self._targets = tf.constant(images[..., None]), tf.constant(targets)
        self._stored, self._each = len(images), each

    def draw(self, seed: Any) -> tuple[Any, Any]:
        chosen = tf.random.stateless_uniform((self._each,), seed, 0, self._stored, tf.int32)
        return tf.gather(self._images, chosen), tf.gather(self._targets, chosen)


def _extras(part: Part, classes: int, config: TrainingConfig) -> list[_Extra]:
    """Drawn digits and outliers, as many as a run can use, up to some thousands, which take half a minute to make."""
    steps = config.epochs * steps_per_epoch(part, config)
    extras = []
    if rare := round(config.rare_share * config.batch_size):
        drawn, labels = rare_digits(min(_RARE_DIGITS, steps * rare), config.seed)
        extras.append(_Extra(drawn, np.eye(classes, dtype=np.float32)[labels], rare))
    if strange := round(config.outlier_share * config.batch_size):
        made = outliers(min(_OUTLIERS, steps * strange), part.images, part.labels, config.seed)
        extras.append(_Extra(made, np.zeros((len(made), classes), np.float32), strange))
    return extras
