"""The loop learns, counts what it says it counts, and does it again by the seed."""

from __future__ import annotations

import io
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from rich.console import Console

from tests.toy_model import toy_digits
from training.errors import ConfigurationError
from training.first_principles.keras_layers import Conv2D, Dense, MaxPool2D
from training.first_principles.loop import make_step, score, train
from training.first_principles.loop_config import LoopConfig
from training.pipeline import Part, to_pixels

pytestmark = pytest.mark.slow


def part(count: int, seed: int) -> Part:
    images, labels = toy_digits(count, seed)
    return Part(images[..., None], labels)


def small_network(seed: int) -> keras.Model:
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            Conv2D(8, 4, stride=2, activation="relu"),
            MaxPool2D(3, 2),
            keras.layers.Flatten(),
            Dense(10),
        ]
    )


def trained(config: LoopConfig, console: Console | None = None) -> tuple[keras.Model, list[dict[str, Any]]]:
    model = small_network(config.seed)
    return model, train(model, part(65, 1), part(30, 2), config, console or Console(quiet=True))


def test_it_learns() -> None:
    model, history = trained(LoopConfig(epochs=12, learning_rate=0.01))
    assert [row["epoch"] for row in history] == list(range(1, 13))
    first, last = history[0], history[-1]
    assert last["loss"] < 0.3 * first["loss"]
    assert last["val_loss"] < 0.7 * first["val_loss"]
    assert last["accuracy"] > 0.9
    assert last["val_accuracy"] > 0.5 > first["val_accuracy"]
    loss, accuracy = score(model, part(30, 2))
    assert (round(loss, 6), round(accuracy, 6)) == (last["val_loss"], last["val_accuracy"])


def test_the_same_seed_gives_the_same_weights_and_another_others() -> None:
    runs = [trained(LoopConfig(epochs=1, seed=seed)) for seed in (5, 5, 6)]
    first, again, other = ([weights.tolist() for weights in model.get_weights()] for model, _ in runs)
    assert first == again
    assert first != other
    without_seconds = [[{**row, "seconds": 0} for row in history] for _, history in runs]
    assert without_seconds[0] == without_seconds[1] != without_seconds[2]


def test_every_picture_is_seen_once_an_epoch_and_it_says_how_it_goes() -> None:
    """With a step too small to matter, the epoch's means are those of all 65 pictures, the last small batch included."""
    shown = io.StringIO()
    model, history = trained(LoopConfig(epochs=2, learning_rate=1e-12), Console(file=shown, width=120))
    loss, accuracy = score(model, part(65, 1))
    for row in history:
        assert row["loss"] == pytest.approx(loss, rel=1e-4)
        assert row["accuracy"] == pytest.approx(accuracy, abs=1e-6)
    lines = [line for line in shown.getvalue().splitlines() if "val_accuracy" in line]
    assert len(lines) == 2
    assert f"epoch   2/2  loss {history[1]['loss']:.4f}" in lines[1]
    assert f"val_accuracy {history[1]['val_accuracy']:.4f}" in lines[1]


def test_one_step_is_that_of_keras() -> None:
    """Model.fit with Keras' Adam and loss moves the same weights to the same place."""
    pictures = part(10, 1)
    pixels, labels = to_pixels(pictures.images), tf.constant(pictures.labels, tf.int32)
    ours, theirs = small_network(4), small_network(4)
    losses, right = make_step(ours, 0.01)(pixels, labels)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    theirs.compile(keras.optimizers.Adam(0.01, epsilon=1e-8), loss, metrics=["accuracy"])
    reported = theirs.train_on_batch(pixels, labels, return_dict=True)
    assert float(tf.reduce_mean(losses)) == pytest.approx(float(reported["loss"]), rel=1e-5)
    assert float(tf.reduce_mean(right)) == pytest.approx(float(reported["accuracy"]))
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        # In the mean, since Adam makes a whole step of a gradient that is nothing but rounding.
        assert np.abs(one - other).mean() < 5e-5


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ({"pictures": 0}, "--pictures must be at least 1, not 0"),
        ({"batch_size": 0}, "--batch-size must be at least 1, not 0"),
        ({"batch_size": 501}, "--batch-size 501 is more than the 500 --pictures"),
        ({"epochs": -1}, "--epochs must be at least 1, not -1"),
        ({"validation_size": 0}, "--validation-size must be at least 1, not 0"),
        ({"learning_rate": 0.0}, r"--learning-rate must lie in \(0, 10\], not 0.0"),
        ({"learning_rate": float("nan")}, "--learning-rate must lie in .* not nan"),
        ({"seed": -1}, "--seed must lie in .* not -1"),
    ],
)
def test_arguments_that_make_no_sense_are_named(arguments: dict[str, Any], fault: str) -> None:
    with pytest.raises(ConfigurationError, match=fault):
        LoopConfig(**arguments)
