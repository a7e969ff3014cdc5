"""Single layers: activations and padded windows, beside Keras' own and beside a walk over every window."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from architectures import (
    Activation,
    Architecture,
    AvgPool,
    Conv,
    Dense,
    Flatten,
    MaxPool,
    Residual,
    preset,
)
from architectures.layers import ActivationName
from training.errors import ConfigurationError
from training.forward import ACTIVATIONS, layer_outputs
from training.networks.build import build_served, build_trained

LOGITS = Dense(2, "linear")


def outputs_of(layer: object, pixels: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What one layer gives in Keras, and in the served graph."""
    architecture = Architecture("one", (layer, Flatten(), LOGITS), allow_floor=True)  # type: ignore[arg-type]
    model = build_served(architecture, pixels.shape[1:])
    name = model.layers[1].name
    by_keras = keras.Model(model.inputs[0], model.layers[1].output)(pixels).numpy()
    return by_keras, layer_outputs(model, architecture, tf.constant(pixels))[name].numpy()


@pytest.mark.parametrize("name", get_args(ActivationName))
def test_activations_are_keras_own(name: ActivationName) -> None:
    values = np.linspace(-8.0, 8.0, 641, dtype=np.float32)
    assert np.allclose(ACTIVATIONS[name](tf.constant(values)), keras.activations.get(name)(values), atol=1e-6)


def test_every_activation_has_its_op() -> None:
    assert set(ACTIVATIONS) == set(get_args(ActivationName))


@pytest.mark.parametrize(("size", "stride", "padding"), [(2, 2, 1), (3, 1, 1), (3, 2, 2), (4, 3, 1), (3, 2, 0)])
@pytest.mark.parametrize("kind", [MaxPool, AvgPool])
def test_what_is_padded_never_counts_in_a_pool(
    kind: type[MaxPool | AvgPool], size: int, stride: int, padding: int, rng: np.random.Generator
) -> None:
    pixels = rng.normal(-5.0, 1.0, (2, 9, 7, 3)).astype(np.float32)  # below zero: a zero would be the largest
    summary = np.max if kind is MaxPool else np.mean
    rows, columns = (range(-padding, side + padding - size + 1, stride) for side in (9, 7))
    expected = np.array(
        [
            [
                summary(pixels[:, max(y, 0) : y + size, max(x, 0) : x + size], axis=(1, 2))
                for x in columns
            ]
            for y in rows
        ]
    ).transpose(2, 0, 1, 3)  # fmt: skip
    for found in outputs_of(kind(size, stride, padding), pixels):
        assert found.shape == expected.shape
        assert np.allclose(found, expected, atol=1e-5)


def test_a_convolution_is_padded_with_zeros(rng: np.random.Generator) -> None:
    pixels = rng.random((2, 8, 9, 2), dtype=np.float32)
    padded = np.pad(pixels, ((0, 0), (2, 2), (2, 2), (0, 0)))
    architecture = Architecture("padded", (Conv(3, 4, 2, 2, "linear"), Flatten(), LOGITS), allow_floor=True)
    model = build_served(architecture, (8, 9, 2))
    kernel, bias = model.get_layer("conv1").get_weights()
    expected = tf.nn.conv2d(padded, kernel, 2, "VALID") + bias
    found = layer_outputs(model, architecture, tf.constant(pixels))["conv1"]
    assert np.allclose(found, expected, atol=1e-5)
    assert np.allclose(keras.Model(model.inputs[0], model.get_layer("conv1").output)(pixels), expected, atol=1e-5)


def test_padded_layers_can_be_written_down_and_read_again(rng: np.random.Generator) -> None:
    layers = (Conv(3, 3, padding=2, batch_norm=True), MaxPool(3, 2, 1), AvgPool(3, 1, 1), Flatten(), LOGITS)
    model = build_trained(Architecture("saved", layers, allow_floor=True), (9, 9, 1))
    again = keras.models.model_from_json(model.to_json())
    again.set_weights(model.get_weights())
    pixels = rng.random((2, 9, 9, 1), dtype=np.float32)
    assert np.allclose(model(pixels), again(pixels))


@pytest.mark.parametrize(
    ("layers", "fault"),
    [
        ((Conv(2, 3, batch_norm=True),), "conv1: there is no batch normalisation"),
        ((MaxPool(3, 1, 1),), "pool1: .* no padding"),
        ((Conv(2, 3, activation="selu"),), "activation must be one of"),
    ],
)
def test_what_first_principles_do_not_have(layers: tuple[Conv | MaxPool, ...], fault: str) -> None:
    architecture = Architecture("scratch", (*layers, Flatten(), LOGITS), first_principles=True)
    with pytest.raises(ConfigurationError, match=fault):
        build_served(architecture, (9, 9, 1))


def test_first_principles_are_what_keras_computes(rng: np.random.Generator) -> None:
    """The same weights in both."""
    layers = (
        Conv(4, 3, 2, "same"),
        Conv(3, 3, 1, 1, "linear"),
        Activation("relu"),
        MaxPool(2, 1),
        AvgPool(2),
        Flatten(),
    )
    ours = Architecture("ours", (*layers, Dense(5), LOGITS), first_principles=True)
    theirs = Architecture("theirs", (*layers, Dense(5), LOGITS))
    one, other = (build_served(architecture, (10, 10, 2)) for architecture in (ours, theirs))
    other.set_weights(one.get_weights())
    pixels = rng.random((4, 10, 10, 2), dtype=np.float32)
    assert np.allclose(one(pixels), other(pixels), atol=1e-5)
    assert type(one.get_layer("conv1")) is not type(other.get_layer("conv1"))


@pytest.mark.parametrize("name", ["mixed", "scratch"])
def test_every_kind_of_layer_can_be_saved_with_its_gradients(
    name: str, tmp_path: Path, rng: np.random.Generator
) -> None:
    """As a graph, read again without the code that made it."""
    layers = (
        Conv(4, 3, padding=1),
        MaxPool(3, 2, 1),
        Residual((Conv(6, 3, 2, "same"), Activation("gelu"))),
        AvgPool(3, 1, 1),
        Flatten(),
        LOGITS,
    )
    mixed = Architecture("mixed", layers, allow_floor=True)
    architecture = mixed if name == "mixed" else preset("scratch", classes=2)
    model = build_served(architecture, (9, 9, 1))

    def slopes(pixels: Any) -> dict[str, Any]:
        with tf.GradientTape() as tape:
            tape.watch(pixels)
            logits = layer_outputs(model, architecture, pixels)["logits"]
        return {"logits": logits, "slopes": tape.gradient(logits, pixels)}

    archive = keras.export.ExportArchive()
    archive.add_endpoint("slopes", slopes, [tf.TensorSpec((None, 9, 9, 1), tf.float32, name="pixels")])
    archive.write_out(str(tmp_path / name), verbose=False)
    pixels = rng.random((3, 9, 9, 1), dtype=np.float32)
    answer = tf.saved_model.load(str(tmp_path / name)).signatures["slopes"](pixels=tf.constant(pixels))
    assert np.allclose(answer["logits"], model(pixels), atol=1e-5)
    # Along its own slope a function changes most, by the slope's length: nothing but the gradient does so.
    slope = answer["slopes"].numpy()
    length = np.sqrt((slope**2).sum(axis=(1, 2, 3)))
    step = 1e-2 * slope / length[:, None, None, None]
    difference = (model(pixels + step) - model(pixels - step)).numpy().sum(axis=1) / 2e-2
    assert length.min() > 0.1
    assert np.allclose(difference, length, rtol=0.1)
