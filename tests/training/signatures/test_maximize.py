"""Pictures that excite a channel more, beside gradient ascent written out with Keras."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from tests.training.signatures.conftest import Net

START = np.random.default_rng(1).uniform(0.3, 0.6, (2, 28, 28, 1)).astype(np.float32)


def maximized(
    net: Net, layer: int, channel: int, *, steps: int, rate: float = 0.02, share: float = 1.0
) -> dict[str, NDArray[np.float32]]:
    return net.call(
        "maximize",
        pixels=START,
        layer=np.int32(layer),
        channel=np.int32(channel),
        steps=np.int32(steps),
        rate=np.float32(rate),
        share=np.float32(share),
    )


@pytest.mark.parametrize(("name", "layer"), [("conv2", 1), ("dense1", 5), ("logits", 6)])
def test_at_full_resolution_it_is_gradient_ascent(cnn: Net, name: str, layer: int) -> None:
    assert [found.name for found in cnn.keras_model.layers][1:][layer] == name
    part = keras.Model(cnn.keras_model.inputs[0], cnn.keras_model.get_layer(name).output)
    # The liveliest one: behind ReLU a channel may see nothing in these pictures, and then has no slope.
    outputs = np.asarray(part(tf.constant(START)))
    channel = int(outputs.reshape(-1, outputs.shape[-1]).mean(axis=0).argmax())

    def excitement(pixels: tf.Tensor) -> tf.Tensor:
        outputs = part(pixels)
        return tf.reduce_mean(tf.reshape(outputs[..., channel], (2, -1)), axis=1)

    pictures = tf.Variable(START)
    for _ in range(4):
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(excitement(pictures))
        uphill = np.asarray(tape.gradient(total, pictures))
        size = np.sqrt((uphill**2).mean(axis=(1, 2, 3), keepdims=True))
        pictures.assign(np.clip(pictures.numpy() + 0.02 * uphill / size, 0.0, 1.0))
    answer = maximized(cnn, layer, channel, steps=4)
    assert np.allclose(answer["pictures"], pictures.numpy(), atol=1e-3)
    assert np.allclose(answer["before"], excitement(tf.constant(START)), rtol=1e-4)
    assert np.allclose(answer["after"], excitement(pictures), rtol=1e-2)
    assert (answer["after"] > answer["before"]).all()


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
def test_a_share_of_the_resolution_leaves_coarse_changes(cnn: Net, share: float) -> None:
    fine, coarse = (maximized(cnn, 6, 3, steps=6, share=each) for each in (1.0, share))
    assert (coarse["after"] > coarse["before"]).all()

    def roughness(pictures: NDArray[np.float32]) -> float:
        change = (pictures - START)[..., 0]
        return float(np.abs(np.diff(change, axis=2)).mean() / np.abs(change).mean())

    assert roughness(coarse["pictures"]) < 0.8 * roughness(fine["pictures"])
    assert coarse["pictures"].min() >= 0.0
    assert coarse["pictures"].max() <= 1.0


@pytest.mark.parametrize(("layer", "channel", "steps"), [(0, 24, 5), (1, 99, 5), (6, -1, 5), (99, 0, 5), (6, 1, 0)])
def test_what_excites_nothing_changes_nothing(cnn: Net, layer: int, channel: int, steps: int) -> None:
    answer = maximized(cnn, layer, channel, steps=steps, share=0.5)
    assert (answer["pictures"] == START).all()
    assert np.allclose(answer["before"], answer["after"], atol=1e-6)


def test_any_layer_of_a_net_without_feature_maps(mlp: Net) -> None:
    answer = maximized(mlp, 3, 7, steps=5)
    assert (answer["after"] > answer["before"]).all()
