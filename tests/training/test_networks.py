"""Arithmetic against figures by hand, against Keras' own count, and against what gradients reach."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from training.architecture import ARCHITECTURES, Architecture, Conv, Dense, Dropout, Flatten, Layer, layer_table
from training.architecture.build import build_served, build_trained, fold_batch_norm
from training.errors import ConfigurationError

LOGITS = Dense(10, activation="linear", batch_norm=False)
INPUT = (28, 28, 1)


def convolutions() -> st.SearchStrategy[Layer]:
    return st.builds(
        Conv,
        filters=st.integers(1, 5),
        kernel=st.integers(1, 4),
        stride=st.integers(1, 3),
        padding=st.sampled_from(["same", "valid"]),
        activation=st.sampled_from(["relu", "linear"]),
        batch_norm=st.booleans(),
    )


def test_figures_by_hand() -> None:
    architecture = Architecture(
        "by-hand", (Conv(16, 5, stride=2), Conv(32, 3, padding="valid"), Flatten(), Dense(20), Dropout(0.5), LOGITS)
    )
    rows = layer_table(architecture, INPUT)
    assert [row.name for row in rows] == ["conv1", "conv2", "flatten1", "dense1", "logits"]
    assert [row.output_shape for row in rows] == [(14, 14, 16), (12, 12, 32), (4608,), (20,), (10,)]
    assert [row.parameters for row in rows] == [25 * 16 + 16, 9 * 16 * 32 + 32, 0, 4608 * 20 + 20, 20 * 10 + 10]
    assert [row.macs for row in rows] == [14 * 14 * 25 * 16, 12 * 12 * 9 * 16 * 32, 0, 4608 * 20, 200]
    assert [row.receptive_field for row in rows] == [5, 9, 9, 28, 28]
    assert rows[0].document() == {
        "name": "conv1",
        "type": "conv",
        "output_shape": [14, 14, 16],
        "parameters": 416,
        "receptive_field": 5,
        "macs": 78400,
        "kernel": [5, 5],
        "stride": [2, 2],
        "padding": "same",
        "activation": "relu",
    }


def test_a_fully_connected_net_of_the_textbook() -> None:
    """28·28·3 → 1000 → 300 → 10 has 2,353,000 + 300,300 + 3,010 parameters."""
    rows = layer_table(Architecture("fc", (Flatten(), Dense(1000), Dense(300), LOGITS)), (28, 28, 3))
    assert [row.parameters for row in rows] == [0, 2_353_000, 300_300, 3_010]


@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_presets_count_as_keras_does(name: str) -> None:
    compare_with_keras(ARCHITECTURES[name], INPUT)


@settings(max_examples=15, deadline=None)
@given(st.lists(convolutions(), max_size=3), st.integers(20, 33), st.integers(20, 33), st.integers(1, 3))
def test_any_net_counts_as_keras_does(layers: list[Layer], height: int, width: int, channels: int) -> None:
    architecture = Architecture("any", (*layers, Flatten(), Dense(4), LOGITS))
    try:
        layer_table(architecture, (height, width, channels))
    except ConfigurationError:
        reject()  # three strides of three leave nothing of a small picture
    compare_with_keras(architecture, (height, width, channels))


def compare_with_keras(architecture: Architecture, input_shape: tuple[int, int, int]) -> None:
    model = build_served(architecture, input_shape)
    rows = layer_table(architecture, input_shape)
    assert [row.name for row in rows] == [layer.name for layer in model.layers[1:]]
    for row in rows:
        layer = model.get_layer(row.name)
        assert row.output_shape == tuple(layer.output.shape[1:])
        assert row.parameters == layer.count_params()
    assert sum(row.parameters for row in rows) == model.count_params()


@settings(max_examples=10, deadline=None)
@given(st.lists(convolutions(), min_size=1, max_size=3))
def test_the_receptive_field_is_what_the_gradient_reaches(layers: list[Layer]) -> None:
    """With positive weights, the pixels that one output in the middle depends on are as many as the table says."""
    side = 99
    architecture = Architecture("reach", (*layers, Flatten(), LOGITS))
    table = layer_table(architecture, (side, side, 1))
    model = build_served(architecture, (side, side, 1))
    for index, layer in enumerate(layers, start=1):
        assert isinstance(layer, Conv)
        kernel, bias = model.get_layer(f"conv{index}").get_weights()
        model.get_layer(f"conv{index}").set_weights([np.full_like(kernel, 0.1), np.ones_like(bias)])
        pixels = tf.ones((1, side, side, 1))
        inside = keras.Model(model.inputs, model.get_layer(f"conv{index}").output)
        with tf.GradientTape() as tape:
            tape.watch(pixels)
            outputs = inside(pixels)
            one = outputs[0, outputs.shape[1] // 2, outputs.shape[2] // 2, 0]
        reached = np.nonzero(tape.gradient(one, pixels).numpy()[0, :, :, 0])[0]
        span = int(reached.max() - reached.min()) + 1
        stride_larger_than_kernel = any(isinstance(lower, Conv) and lower.stride > lower.kernel for lower in layers)
        # Where strides skip pixels, the outermost pixel of the field may be one that nothing looks at; never more.
        assert span <= table[index - 1].receptive_field
        if not stride_larger_than_kernel:
            assert span == table[index - 1].receptive_field


@pytest.mark.parametrize(
    ("layers", "fault"),
    [
        ((Conv(2, 3), Dense(3), LOGITS), r"dense1 takes a vector and is given \(28, 28, 2\)"),
        ((Flatten(), Conv(2, 3), LOGITS), r"conv1 takes a picture .* is given \(784,\)"),
        ((Conv(2, 29, padding="valid"), Flatten(), LOGITS), "conv1: a kernel of 29 does not fit into 28 × 28"),
    ],
)
def test_layers_that_do_not_fit_are_named(layers: tuple[Layer, ...], fault: str) -> None:
    architecture = Architecture("faulty", layers)
    for attempt in (layer_table, build_trained, build_served):
        with pytest.raises(ConfigurationError, match=fault):
            attempt(architecture, INPUT)


@pytest.mark.parametrize("layers", [(), (Flatten(),), (Flatten(), Dense(10)), (Flatten(), Dense(10, "linear"))])
def test_a_net_ends_in_logits(layers: tuple[Layer, ...]) -> None:
    with pytest.raises(ValueError, match="must end in"):
        Architecture("headless", layers)


@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_folding_changes_nothing(name: str, rng: np.random.Generator) -> None:
    architecture = ARCHITECTURES[name]
    trained = build_trained(architecture, INPUT)
    for layer in trained.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            width = layer.gamma.shape
            layer.set_weights(
                [
                    rng.uniform(0.5, 1.5, width),
                    rng.normal(0.0, 0.3, width),
                    rng.normal(0.0, 0.3, width),
                    rng.uniform(0.3, 2.0, width),
                ]
            )
    served = fold_batch_norm(trained, architecture)
    pixels = rng.random((32, *INPUT), dtype=np.float32)
    before, after = trained(pixels, training=False).numpy(), served(pixels, training=False).numpy()
    assert np.abs(before).max() > 0.5  # the comparison is of something
    assert np.abs(before - after).max() < 1e-4
    assert (before.argmax(axis=1) == after.argmax(axis=1)).all()


@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_what_is_served_is_kernels_and_biases(name: str) -> None:
    served = build_served(ARCHITECTURES[name], INPUT)
    kinds = {type(layer) for layer in served.layers[1:]}
    assert kinds <= {keras.layers.Conv2D, keras.layers.Dense, keras.layers.Flatten}


def test_cheap_enough_for_a_cpu() -> None:
    rows = layer_table(ARCHITECTURES["cnn"], INPUT)
    assert sum(row.macs for row in rows) <= 3_000_000
    assert sum(row.parameters for row in rows) <= 400_000
    assert sum(row.parameters for row in layer_table(ARCHITECTURES["mlp"], INPUT)) <= 700_000
