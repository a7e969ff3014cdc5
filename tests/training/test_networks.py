"""Keras models beside their architecture: Keras' own count, what gradients reach, and what folding leaves the same."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import Phase, given, reject, settings
from hypothesis import strategies as st

from architectures import (
    ARCHITECTURES,
    Architecture,
    ArchitectureError,
    AvgPool,
    Conv,
    Dense,
    Dropout,
    Flatten,
    Layer,
    Residual,
    layer_table,
    preset,
    preset_names,
)
from tests.architectures.random_chains import architectures, convolutions
from training.forward import layer_outputs
from training.networks.build import build_served, build_trained, fold_batch_norm

LOGITS = Dense(10, activation="linear")
INPUT = (28, 28, 1)
# A net takes a tenth of a second to build; to shrink a failing one would take minutes.
SEARCH = (Phase.explicit, Phase.reuse, Phase.generate)
RESIDUAL = Architecture(
    "residual",
    (
        Conv(8, 3, batch_norm=True),
        Residual(
            (Conv(12, 3, 2, batch_norm=True), Dropout(0.1), Conv(12, 3, batch_norm=True)), "relu", batch_norm=True
        ),
        Residual((Conv(12, 3, activation="linear", batch_norm=True),)),
        Flatten(),
        LOGITS,
    ),
)


@pytest.mark.parametrize("input_shape", [INPUT, (32, 32, 3)], ids=["28x28x1", "32x32x3"])
@pytest.mark.parametrize("name", [*preset_names(), "mlp-1000-300"])
def test_presets_count_as_keras_does_and_forward_gives_what_keras_does(
    name: str, input_shape: tuple[int, int, int], rng: np.random.Generator
) -> None:
    architecture = preset(name, classes=7)
    model = build_served(architecture, input_shape)
    compare_with_keras(architecture, model)
    compare_outputs(architecture, model, rng.random((2, *input_shape), dtype=np.float32))


@settings(max_examples=10, deadline=None, phases=SEARCH)
@given(architectures(), st.integers(9, 14), st.integers(9, 14), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_any_net_is_as_keras_has_it(
    architecture: Architecture, height: int, width: int, channels: int, seed: int
) -> None:
    shape, rng = (height, width, channels), np.random.default_rng(seed)
    try:
        layer_table(architecture, shape)
    except ArchitectureError:
        reject()  # a few strides leave nothing of a small picture
    trained = build_trained(architecture, shape)
    give_weights(trained, rng)
    model = fold_batch_norm(trained, architecture)
    pixels = rng.random((3, *shape), dtype=np.float32)
    compare_with_keras(architecture, model)
    compare_outputs(architecture, model, pixels)
    before, after = trained(pixels, training=False).numpy(), model(pixels, training=False).numpy()
    assert np.allclose(before, after, rtol=1e-3, atol=1e-3)


def compare_with_keras(architecture: Architecture, model: keras.Model) -> None:
    rows = layer_table(architecture, model.input_shape[1:])
    for row in rows:
        layer = model.get_layer(row.name)
        assert row.output_shape == tuple(layer.output.shape[1:])
        assert row.parameters == layer.count_params()
    assert sum(row.parameters for row in rows) == model.count_params()


def compare_outputs(architecture: Architecture, model: keras.Model, pixels: np.ndarray) -> None:
    """Each layer's output, by name and in the table's order."""
    rows = layer_table(architecture, model.input_shape[1:])
    outputs = layer_outputs(model, architecture, tf.constant(pixels))
    assert list(outputs) == [row.name for row in rows]
    by_keras = keras.Model(model.inputs[0], {row.name: model.get_layer(row.name).output for row in rows})(pixels)
    for name, values in outputs.items():
        assert np.allclose(values.numpy(), by_keras[name].numpy(), rtol=1e-4, atol=1e-5), name


def give_weights(model: keras.Model, rng: np.random.Generator) -> None:
    """Weights of ordinary size, and statistics as a trained net's batch normalisation has them."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            width = layer.gamma.shape
            center = [rng.normal(0.0, 0.3, width), rng.normal(0.0, 0.3, width)]
            layer.set_weights([rng.uniform(0.5, 1.5, width), *center, rng.uniform(0.3, 2.0, width)])
        else:
            layer.set_weights([rng.normal(0.0, 1.0 / np.sqrt(np.prod(w.shape[:-1])), w.shape) for w in layer.weights])


@settings(max_examples=10, deadline=None, phases=SEARCH)
@given(
    st.lists(
        st.one_of(convolutions(activation=st.just("relu")), st.builds(AvgPool, st.integers(1, 4), st.integers(1, 3))),
        min_size=1,
        max_size=3,
    )
)
def test_the_receptive_field_is_what_the_gradient_reaches(layers: list[Conv | AvgPool]) -> None:
    """With positive weights, the pixels that one output in the middle depends on are as many as the table says."""
    side = 99
    architecture = Architecture("reach", (*layers, Flatten(), LOGITS), allow_floor=True)
    model = build_served(architecture, (side, side, 1))
    skipping = False
    for row, layer in zip(layer_table(architecture, (side, side, 1)), layers, strict=False):
        if isinstance(layer, Conv):
            kernel, bias = model.get_layer(row.name).get_weights()
            model.get_layer(row.name).set_weights([np.full_like(kernel, 0.1), np.ones_like(bias)])
        inside = keras.Model(model.inputs[0], model.get_layer(row.name).output)
        span = reached_side(inside, tf.ones((1, side, side, 1)))
        # Where strides skip pixels, the outermost pixel of the field may be one that nothing looks at; never more.
        assert span <= row.receptive_field
        skipping = skipping or layer.stride > (layer.kernel if isinstance(layer, Conv) else layer.size)
        if not skipping:
            assert span == row.receptive_field


def reached_side(model: keras.Model, pixels: tf.Tensor) -> int:
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        outputs = model(pixels)
        one = outputs[0, outputs.shape[1] // 2, outputs.shape[2] // 2, 0]
    reached = np.nonzero(tape.gradient(one, pixels).numpy()[0, :, :, 0])[0]
    return int(reached.max() - reached.min()) + 1


@pytest.mark.parametrize(
    ("layers", "fault"),
    [
        ((Conv(2, 3), Dense(3), LOGITS), r"dense1 takes a vector and is given \(28, 28, 2\)"),
        ((Flatten(), Conv(2, 3), LOGITS), r"conv1 takes a picture .* is given \(784,\)"),
        ((Conv(2, 29, padding="valid"), Flatten(), LOGITS), "conv1: a kernel of 29 does not fit into 28 × 28"),
        ((Conv(2, 3, 2, padding="valid"), Flatten(), LOGITS), "conv1: a kernel of 3 with stride 2 .* exactly"),
    ],
)
def test_layers_that_do_not_fit_are_named(layers: tuple[Layer, ...], fault: str) -> None:
    architecture = Architecture("faulty", layers)
    for attempt in (layer_table, build_trained, build_served):
        with pytest.raises(ArchitectureError, match=fault):
            attempt(architecture, INPUT)


@pytest.mark.parametrize("architecture", [*ARCHITECTURES.values(), RESIDUAL], ids=lambda one: str(one.name))
def test_folding_changes_nothing(architecture: Architecture, rng: np.random.Generator) -> None:
    trained = build_trained(architecture, INPUT)
    norms = [layer for layer in trained.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert norms  # there is something to fold
    give_weights(trained, rng)
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


def test_the_same_seed_gives_the_same_weights_and_names() -> None:
    models = []
    for _ in range(2):
        keras.utils.set_random_seed(5)
        models.append(build_trained(RESIDUAL, INPUT))
    names = [[layer.name for layer in model.layers] for model in models]
    assert names[0] == names[1]
    assert {"residual1_conv1", "residual1_conv1_norm", "residual1_projection", "residual1"} <= set(names[0])
    assert all((a == b).all() for a, b in zip(*(model.get_weights() for model in models), strict=True))


def test_cheap_enough_for_a_cpu() -> None:
    rows = layer_table(ARCHITECTURES["cnn"], INPUT)
    assert sum(row.macs for row in rows) <= 12_000_000
    assert sum(row.parameters for row in rows) <= 1_000_000
    assert sum(row.parameters for row in layer_table(ARCHITECTURES["mlp"], INPUT)) <= 3_000_000
