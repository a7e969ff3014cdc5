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
from training.committee import Committee
from training.errors import ConfigurationError
from training.glyphs import DIGITS
from training.strokes import SIDE_PX
from training.synthesis import outliers, rare_digits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.config import TrainingConfig
    from training.data import Dataset

# One and the same for every run: versions are compared on the same validation pictures.
SPLIT_SEED = 20_240_229
_RARE_DIGITS, _OUTLIERS = 6_000, 20_000  # how many there are of each; a run changes each one anew every time
_AT_ONCE = 500
_ORDER = 3_000_017  # so that the order is drawn from other numbers than what is done to a picture


@dataclass(frozen=True, eq=False)
class Part:
    """Pictures uint8 (N, H, W, C) with their labels uint8 (N,)."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.labels)


def split(dataset: Dataset, validation_size: int) -> tuple[Part, Part, Part]:
    """The training, validation and test parts.

    Validation pictures are drawn at random from the data set's training part, always the same ones for one size.
    Raises `ConfigurationError` when they would leave nothing to train on.
    """
    count = len(dataset.y_train)
    if validation_size >= count:
        raise ConfigurationError(f"A validation part of {validation_size} leaves nothing of {count} to train on.")
    order = np.random.default_rng(SPLIT_SEED).permutation(count)
    validation, training = order[:validation_size], order[validation_size:]
    return (
        Part(dataset.x_train[training], dataset.y_train[training]),
        Part(dataset.x_train[validation], dataset.y_train[validation]),
        Part(dataset.x_test, dataset.y_test),
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


def _all_steps(part: Part, config: TrainingConfig) -> int:
    steps = config.epochs * steps_per_epoch(part, config)
    return min(steps, config.max_steps or steps)


def joined(first: Part, second: Part) -> Part:
    """The pictures of both."""
    return Part(np.concatenate([first.images, second.images]), np.concatenate([first.labels, second.labels]))


def altered(part: Part, config: TrainingConfig) -> Part:
    """The pictures of `part` as training would change them, the same way each time, whatever the seed; uint8 again."""
    batches = [
        augment(part.images[at : at + _AT_ONCE], config.augmentation, (SPLIT_SEED, at))
        for at in range(0, len(part), _AT_ONCE)
    ]
    return Part(np.concatenate(batches), part.labels)


def first(part: Part, count: int | None) -> Part:
    """The first `count` pictures of `part`; all of them for None. Raises `ConfigurationError` when there are not as many."""
    if count is None or count == len(part):
        return part
    if count > len(part):
        raise ConfigurationError(f"--pictures {count} is more than the {len(part)} pictures to train on.")
    return Part(part.images[:count], part.labels[:count])


def training_batches(part: Part, classes: int, config: TrainingConfig, first_step: int = 0) -> tf.data.Dataset:
    """Endless (pixels float32 (B, H, W, C) in [0, 1], one-hot labels float32 (B, K)), shuffled anew each epoch.

    What is no digit has zeros for a label, and comes last in its batch; drawn digits come before that. Where there are
    teachers, their votes on a picture are `teacher_share` of its label. From `first_step` on they are what they would have
    been, had all steps before been drawn. Raises `PublishError` when a teacher cannot be loaded.
    """
    images = tf.constant(part.images)
    targets = tf.one_hot(part.labels, classes)
    extras = _extras(part, classes, config)

    steps = steps_per_epoch(part, config)
    calm_from = round((1.0 - config.calm_share) * _all_steps(part, config))
    amounts, calm = config.augmentation, config.augmentation.calmer

    committee = Committee(config.teachers, open_set=config.outlier_share > 0.0) if config.teachers else None

    def change(pixels: NDArray[np.uint8], seed: NDArray[np.int64]) -> NDArray[np.uint8]:
        return augment(pixels, amounts if seed[1] < calm_from else calm, seed.tolist())

    def make_batch(step: Any, chosen: Any) -> tuple[Any, Any]:
        seed = tf.stack([tf.constant(config.seed, tf.int64), step])
        drawn = [extra.draw(seed + 7 * (number + 1)) for number, extra in enumerate(extras)]
        pixels = tf.concat([tf.gather(images, chosen), *(pixels for pixels, _ in drawn)], axis=0)
        labels = tf.concat([tf.gather(targets, chosen), *(labels for _, labels in drawn)], axis=0)
        changed = tf.numpy_function(change, (pixels, seed), tf.uint8, stateful=False)  # stateless: may run in parallel
        changed = tf.ensure_shape(changed, pixels.shape)
        if committee is not None:
            labels += config.teacher_share * (committee(changed) - labels)
        return to_pixels(changed), labels

    def order(epoch: Any) -> Any:
        # A permutation of its own for each epoch, so that any epoch can be the first: `Dataset.shuffle` has a memory.
        seed = tf.stack([tf.constant(config.seed + _ORDER, tf.int64), epoch])
        shuffled = tf.random.experimental.stateless_shuffle(tf.range(len(part)), seed)
        whole = shuffled[: steps * config.batch_size]
        return tf.data.Dataset.from_tensor_slices(tf.reshape(whole, (steps, config.batch_size)))

    chosen = tf.data.Dataset.counter(start=first_step // steps).flat_map(order).skip(first_step % steps)
    batches = tf.data.Dataset.zip(tf.data.Dataset.counter(start=first_step), chosen)
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
    rare, strange = (round(share * config.batch_size) for share in (config.rare_share, config.outlier_share))
    if (rare or strange) and (part.images.shape[1:] != (SIDE_PX, SIDE_PX, 1) or classes != len(DIGITS)):
        raise ConfigurationError("--rare-share and --outlier-share are for the ten digits in grey, 28 × 28.")
    steps = config.epochs * steps_per_epoch(part, config)
    extras = []
    if rare:
        drawn, labels = rare_digits(min(_RARE_DIGITS, steps * rare), config.seed)
        extras.append(_Extra(drawn, np.eye(classes, dtype=np.float32)[labels], rare))
    if strange:
        made = outliers(min(_OUTLIERS, steps * strange), part.images, part.labels, config.seed)
        extras.append(_Extra(made, np.zeros((len(made), classes), np.float32), strange))
    return extras
