"""The layers against Keras' own: same weights, same answers; and what is saved answers as before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from training.errors import ConfigurationError
from training.first_principles.keras_layers import AveragePool2D, Conv2D, Dense, MaxPool2D

PICTURE = (9, 7, 3)
VECTOR = (11,)
RELU: dict[str, Any] = {"activation": "relu", "kernel_initializer": "he_normal"}

Make = Callable[[], Any]
TWINS: list[tuple[Make, Make, tuple[int, ...]]] = [
    (lambda: Conv2D(4, 3), lambda: keras.layers.Conv2D(4, 3), PICTURE),
    (lambda: Conv2D(4, 3, 2, "valid", "relu"), lambda: keras.layers.Conv2D(4, 3, 2, **RELU), PICTURE),
    (lambda: Conv2D(2, 2, 3, "same", "relu"), lambda: keras.layers.Conv2D(2, 2, 3, "same", **RELU), PICTURE),
    (
        lambda: Conv2D(5, 3, 1, 1, "sigmoid"),
        lambda: keras.layers.Conv2D(5, 3, 1, "same", activation="sigmoid"),
        PICTURE,
    ),
    (lambda: MaxPool2D(3, 1), lambda: keras.layers.MaxPool2D(3, 1), PICTURE),
    (lambda: MaxPool2D(1), lambda: keras.layers.MaxPool2D(1), PICTURE),
    (lambda: AveragePool2D(3, 2), lambda: keras.layers.AveragePooling2D(3, 2), PICTURE),
    (lambda: Dense(5), lambda: keras.layers.Dense(5), VECTOR),
    (lambda: Dense(5, "relu"), lambda: keras.layers.Dense(5, **RELU), VECTOR),
    (lambda: Dense(5, "softmax"), lambda: keras.layers.Dense(5, "softmax"), VECTOR),
]


@pytest.mark.parametrize(("ours", "theirs", "shape"), TWINS)
def test_a_layer_is_that_of_keras(ours: Make, theirs: Make, shape: tuple[int, ...], rng: np.random.Generator) -> None:
    """Down to the first weights that a seed gives, and the shape that is known before anything is computed."""
    models = []
    for make in (ours, theirs):
        keras.utils.set_random_seed(3)
        models.append(keras.Sequential([keras.Input(shape), make()]))
    mine, reference = models
    assert mine.output_shape == reference.output_shape
    assert [weight.name for weight in mine.weights] == [weight.name for weight in reference.weights]
    for one, other in zip(mine.get_weights(), reference.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    biased = [weights + 0.1 for weights in reference.get_weights()]
    for model in models:
        model.set_weights(biased)
    x = rng.normal(size=(4, *shape)).astype(np.float32)
    np.testing.assert_allclose(mine(x), reference(x), rtol=1e-4, atol=1e-5)


def small_network() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((10, 10, 1), name="pixels"),
            Conv2D(3, 3, activation="relu", name="conv1"),
            MaxPool2D(3, 1, name="pool1"),
            Conv2D(4, 3, padding="same", activation="sigmoid", name="conv2"),
            AveragePool2D(2, name="pool2"),
            keras.layers.Flatten(),
            Dense(6, activation="relu", name="dense1"),
            Dense(10, name="logits"),
        ]
    )


def test_a_saved_model_gives_the_same_answers_for_any_number_of_pictures(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    model = small_network()
    archive = keras.export.ExportArchive()
    archive.add_endpoint(
        "serve", lambda pixels: model(pixels, training=False), [tf.TensorSpec((None, 10, 10, 1), name="pixels")]
    )
    archive.write_out(str(tmp_path), verbose=False)
    loaded = tf.saved_model.load(str(tmp_path))
    for pictures in (1, 7):
        pixels = rng.random((pictures, 10, 10, 1), dtype=np.float32)
        answers = model(pixels)
        assert np.abs(answers).max() > 0.01  # the comparison is of something
        np.testing.assert_allclose(loaded.serve(pixels), answers, rtol=1e-5, atol=1e-6)


def test_gradients_pass_through_a_saved_model(tmp_path: Path, rng: np.random.Generator) -> None:
    """A map of what matters in a picture is made of them, inside the served graph."""
    model = small_network()

    def slopes(pixels: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(pixels)
            total = tf.reduce_sum(model(pixels, training=False))
        return tape.gradient(total, pixels)

    archive = keras.export.ExportArchive()
    archive.add_endpoint("slopes", slopes, [tf.TensorSpec((None, 10, 10, 1), name="pixels")])
    archive.write_out(str(tmp_path), verbose=False)
    pixels = tf.constant(rng.random((3, 10, 10, 1), dtype=np.float32))
    loaded = tf.saved_model.load(str(tmp_path))
    found = loaded.slopes(pixels)
    assert np.abs(found).max() > 0
    np.testing.assert_allclose(found, slopes(pixels), rtol=1e-4, atol=1e-6)


def test_a_network_is_made_again_from_its_description(rng: np.random.Generator) -> None:
    model = small_network()
    again = keras.Sequential.from_config(model.get_config())
    assert [type(layer) for layer in again.layers] == [type(layer) for layer in model.layers]
    again.set_weights(model.get_weights())
    pixels = rng.random((2, 10, 10, 1), dtype=np.float32)
    np.testing.assert_array_equal(again(pixels), model(pixels))


@pytest.mark.parametrize(
    ("make", "shape", "fault"),
    [
        (lambda: Conv2D(0, 3), PICTURE, "filters must be at least 1, not 0"),
        (lambda: Conv2D(2, 0), PICTURE, "kernel must be at least 1, not 0"),
        (lambda: Conv2D(2, 3, activation="gelu"), PICTURE, "activation must be one of .*, not 'gelu'"),
        (
            lambda: Conv2D(2, 2, 2),
            PICTURE,
            "kernel 2, stride 2 .* picture of 9×7 exactly. The nearest that fit: kernel",
        ),
        (lambda: Conv2D(2, 3, name="conv1"), VECTOR, r"conv1 takes pictures .* is given \(None, 11\)"),
        (lambda: MaxPool2D(2, 0), PICTURE, "stride must be at least 1, not 0"),
        (lambda: MaxPool2D(2, 2), PICTURE, "size 2, stride 2 .* The nearest that fit: size 1 or 3, stride 1"),
        (lambda: AveragePool2D(8, 1), PICTURE, "size 8, stride 1 .* The nearest that fit: size 7"),
        (lambda: Dense(0), VECTOR, "units must be at least 1, not 0"),
        (lambda: Dense(3, name="dense1"), PICTURE, r"dense1 takes vectors \(N, D\) and is given \(None, 9, 7, 3\)"),
    ],
)
def test_what_does_not_fit_is_named(make: Make, shape: tuple[int, ...], fault: str) -> None:
    with pytest.raises(ConfigurationError, match=fault):
        keras.Sequential([keras.Input(shape), make()])
