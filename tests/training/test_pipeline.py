from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.toy_model import toy_dataset
from training.config import Augmentation, TrainingConfig
from training.errors import ConfigurationError
from training.pipeline import Part, altered, first, joined, split, steps_per_epoch, to_pixels, training_batches

if TYPE_CHECKING:
    from training.data import Dataset

pytestmark = pytest.mark.slow

CONFIG = TrainingConfig(model="cnn", batch_size=32, validation_size=50)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return toy_dataset(200, 30)


def draw(part: Part, config: TrainingConfig, count: int) -> list[tuple[Any, Any]]:
    return list(training_batches(part, 10, config).take(count).as_numpy_iterator())


def test_the_parts_are_all_there_is(dataset: Dataset) -> None:
    training, validation, test = split(dataset, 50)
    assert (len(training), len(validation), len(test)) == (150, 50, 30)
    assert training.images.shape == (150, 28, 28, 1)
    assert (test.images == dataset.x_test).all()
    assert (test.labels == dataset.y_test).all()
    rows = np.concatenate([training.images, validation.images]).reshape(200, -1)
    assert (np.sort(rows, axis=0) == np.sort(dataset.x_train.reshape(200, -1), axis=0)).all()


def test_labels_go_with_their_pictures(dataset: Dataset) -> None:
    numbered = replace(dataset, x_train=np.broadcast_to(dataset.y_train[:, None, None, None], (200, 28, 28, 1)))
    training, validation, _ = split(numbered, 50)
    assert (training.images[:, 3, 3, 0] == training.labels).all()
    assert (validation.images[:, 3, 3, 0] == validation.labels).all()
    config = replace(CONFIG, augmentation=Augmentation())
    for pixels, targets in draw(training, config, 8):
        assert (np.rint(pixels[:, 5, 5, 0] * 255) == targets.argmax(axis=1)).all()


def test_validation_pictures_are_always_the_same(dataset: Dataset) -> None:
    assert (split(dataset, 50)[1].images == split(dataset, 50)[1].images).all()
    assert not (split(dataset, 50)[1].images == dataset.x_train[:50]).all()


def test_validation_must_leave_something(dataset: Dataset) -> None:
    with pytest.raises(ConfigurationError, match="leaves nothing of 200"):
        split(dataset, 200)


def test_the_seed_decides_every_batch(dataset: Dataset) -> None:
    config = replace(CONFIG, augmentation=Augmentation(rotation_degrees=10, stroke=0.2))
    training = split(dataset, 50)[0]
    first, again = draw(training, config, 10), draw(training, config, 10)
    assert all((a[0] == b[0]).all() and (a[1] == b[1]).all() for a, b in zip(first, again, strict=True))
    other = draw(training, replace(config, seed=2), 10)
    assert not any((a[0] == b[0]).all() for a, b in zip(first, other, strict=True))


def test_an_epoch_shows_each_picture_once_and_the_next_in_another_order(dataset: Dataset) -> None:
    numbers = np.arange(200, dtype=np.uint8)[:, None, None, None]
    numbered = replace(dataset, x_train=np.broadcast_to(numbers, (200, 28, 28, 1)))
    training = split(numbered, 50)[0]
    config = replace(CONFIG, augmentation=Augmentation())
    steps = steps_per_epoch(training, config)
    assert steps == 150 // 32
    seen = [np.rint(pixels[:, 0, 0, 0] * 255).astype(int) for pixels, _ in draw(training, config, 2 * steps)]
    one, two = np.concatenate(seen[:steps]), np.concatenate(seen[steps:])
    assert len(set(one)) == len(set(two)) == steps * 32
    assert one.tolist() != two.tolist()


def test_a_run_can_begin_at_any_step(dataset: Dataset) -> None:
    config = replace(CONFIG, rare_share=0.1, augmentation=Augmentation(rotation_degrees=10, pen=0.5))
    training = split(dataset, 50)[0]
    whole = draw(training, config, 11)
    for first_step in (1, 4, 9):  # inside of an epoch, at the beginning of one, and two epochs on
        late = list(training_batches(training, 10, config, first_step).take(2).as_numpy_iterator())
        for (pixels, targets), (those, their_targets) in zip(late, whole[first_step:], strict=False):
            assert (pixels == those).all()
            assert (targets == their_targets).all()


def test_batches_are_the_same_when_drawn_again_from_the_same_pipeline(dataset: Dataset) -> None:
    batches = training_batches(split(dataset, 50)[0], 10, CONFIG)
    first_time, again = (list(batches.take(6).as_numpy_iterator()) for _ in range(2))
    assert all((a[0] == b[0]).all() for a, b in zip(first_time, again, strict=True))


def test_a_larger_number_of_pictures_holds_the_smaller(dataset: Dataset) -> None:
    training = split(dataset, 50)[0]
    assert (first(training, 100).images[:60] == first(training, 60).images).all()
    assert len(first(training, 150)) == len(first(training, None)) == 150
    with pytest.raises(ConfigurationError, match="--pictures 151 is more than the 150"):
        first(training, 151)


def test_digits_are_made_for_digits_only(dataset: Dataset) -> None:
    training = split(dataset, 50)[0]
    in_colour = Part(training.images.repeat(3, axis=3), training.labels)
    for part, classes in ((in_colour, 10), (training, 26)):
        for config in (replace(CONFIG, rare_share=0.5), replace(CONFIG, outlier_share=0.5)):
            with pytest.raises(ConfigurationError, match="for the ten digits in grey"):
                training_batches(part, classes, config)


def test_made_pictures_come_on_top_of_the_batch(dataset: Dataset) -> None:
    training = split(dataset, 50)[0]
    config = replace(CONFIG, augmentation=Augmentation(), rare_share=0.1, outlier_share=0.25)
    plain = draw(training, replace(config, rare_share=0.0, outlier_share=0.0), 4)
    batches = draw(training, config, 4)
    for (pixels, targets), (those, their_targets) in zip(batches, plain, strict=True):
        assert pixels.shape == (32 + 3 + 8, 28, 28, 1)
        assert np.abs(pixels[:32] - those).max() < 1e-6
        assert (targets[:32] == their_targets).all()
        assert (targets[:35].sum(axis=1) == 1).all()
        assert (targets[35:] == 0).all()
    again = draw(training, config, 4)
    assert all((a[0] == b[0]).all() for a, b in zip(batches, again, strict=True))
    assert not (batches[0][0][32:] == batches[1][0][32:]).all()


def test_altered_pictures_are_always_the_same(dataset: Dataset) -> None:
    part = split(dataset, 50)[1]
    config = replace(CONFIG, augmentation=Augmentation(rotation_degrees=10, pen=0.5))
    changed = altered(part, config)
    assert changed.images.dtype == np.uint8
    assert changed.images.shape == part.images.shape
    assert (changed.labels == part.labels).all()
    assert (changed.images != part.images).any(axis=(1, 2, 3)).mean() > 0.95
    assert (changed.images == altered(part, replace(config, seed=2)).images).all()
    assert (altered(part, replace(config, augmentation=Augmentation())).images == part.images).all()


def test_joined_parts_keep_their_order(dataset: Dataset) -> None:
    _, validation, test = split(dataset, 50)
    both = joined(validation, test)
    assert len(both) == 80
    assert (both.images[50:] == test.images).all()
    assert (both.labels[:50] == validation.labels).all()


def test_a_batch_larger_than_the_data(dataset: Dataset) -> None:
    with pytest.raises(ConfigurationError, match="--batch-size 151 is more than the 150"):
        steps_per_epoch(split(dataset, 50)[0], replace(CONFIG, batch_size=151))


def test_scaling() -> None:
    assert to_pixels(np.array([0, 51, 255], np.uint8)).numpy().tolist() == pytest.approx([0.0, 0.2, 1.0])


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("epochs", 0, "--epochs"),
        ("batch_size", 0, "--batch-size"),
        ("learning_rate", 0.0, "--learning-rate"),
        ("learning_rate", float("nan"), "--learning-rate"),
        ("seed", -1, "--seed"),
        ("optimizer", "magic", "--optimizer"),
        ("validation_size", 0, "--validation-size"),
        ("rare_share", -0.1, "--rare-share"),
        ("outlier_share", 1.1, "--outlier-share"),
    ],
)
def test_a_value_that_makes_no_sense_is_named(field: str, value: Any, named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        replace(CONFIG, **{field: value})


def test_the_last_pictures_are_changed_half_as_far(dataset: Dataset) -> None:
    training = split(dataset, 50)[0]
    config = replace(CONFIG, epochs=5, calm_share=0.25, augmentation=Augmentation(elastic_px=2, shift_px=2))
    steps = 5 * steps_per_epoch(training, config)
    whole, calm, never = (
        draw(training, changed, steps)
        for changed in (
            replace(config, calm_share=0.0),
            config,
            replace(config, calm_share=0.0, augmentation=Augmentation(elastic_px=1, shift_px=2)),
        )
    )
    same = [bool((a[0] == b[0]).all()) for a, b in zip(calm, whole, strict=True)]
    assert same == [True] * 15 + [False] * 5
    assert all((a[0] == b[0]).all() for a, b in zip(calm[15:], never[15:], strict=True))
    in_three_steps = replace(config, max_steps=3, calm_share=0.34)
    same = [bool((a[0] == b[0]).all()) for a, b in zip(draw(training, in_three_steps, 3), whole, strict=False)]
    assert same == [True, True, False]
