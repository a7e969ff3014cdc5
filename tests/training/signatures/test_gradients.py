"""Maps by gradient, beside the same quantities computed with Keras and `GradientTape`, picture by picture."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from tests.training.signatures.conftest import Net
from training.pipeline import to_pixels
from training.signatures.gradients import SMOOTHGRAD_COPIES, SMOOTHGRAD_NOISE

pytestmark = pytest.mark.slow


def slope(net: Net, pixels: Any, wanted: int) -> NDArray[np.float32]:
    """∂ logit / ∂ pixel of a batch, by Keras' own model."""
    variable = tf.Variable(pixels)
    with tf.GradientTape() as tape:
        asked_for = tf.reduce_sum(net.logits(variable)[:, wanted])
    return np.asarray(tape.gradient(asked_for, variable))


@pytest.fixture(params=["cnn", "mlp"])
def net(request: pytest.FixtureRequest) -> Net:
    found: Net = request.getfixturevalue(request.param)
    return found


def test_saliency(net: Net, images: NDArray[np.uint8], classes: NDArray[np.int32]) -> None:
    maps = net.call("saliency", images=images, classes=classes)["saliency"]
    for picture, wanted, found in zip(images, classes, maps, strict=True):
        expected = np.abs(slope(net, to_pixels(picture[None]), wanted)).max(axis=3)[0]
        assert np.allclose(found, expected, atol=1e-5)


def test_smoothgrad(net: Net, images: NDArray[np.uint8], classes: NDArray[np.int32]) -> None:
    maps = net.call("smoothgrad", images=images, classes=classes)["smoothgrad"]
    noise = tf.random.stateless_normal((SMOOTHGRAD_COPIES, 28, 28, 1), (19, 17), stddev=SMOOTHGRAD_NOISE)
    for picture, wanted, found in zip(images, classes, maps, strict=True):
        expected = np.abs(slope(net, to_pixels(picture[None]) + noise, wanted).mean(axis=0)).max(axis=2)
        # Rounding may tip a unit whose sum is next to nothing, in one copy of the picture.
        assert np.allclose(found, expected, atol=expected.max() / SMOOTHGRAD_COPIES)
        assert np.abs(found - expected).mean() < 0.01 * expected.mean()
    again = net.call("smoothgrad", images=images[2:3], classes=classes[2:3])["smoothgrad"]
    assert np.allclose(again[0], maps[2], atol=1e-6)


def test_integrated_gradients(net: Net, images: NDArray[np.uint8], classes: NDArray[np.int32]) -> None:
    answer = net.call("integrated_gradients", images=images, classes=classes)
    for index, wanted in enumerate(classes):
        pixels = to_pixels(images[index : index + 1])
        share = ((np.arange(64, dtype=np.float32) + 0.5) / 64)[:, None, None, None]
        expected = slope(net, pixels * share, wanted).mean(axis=0) * pixels[0]
        assert np.allclose(answer["integrated_gradients"][index], expected[..., 0], atol=1e-5)
        difference = (net.logits(pixels) - net.logits(tf.zeros_like(pixels)))[0, wanted]
        assert answer["difference"][index] == pytest.approx(float(difference), abs=1e-4)


def test_integrated_gradients_sum_to_the_difference(net: Net, images: NDArray[np.uint8]) -> None:
    every = np.arange(10, dtype=np.int32)
    for picture in images:
        answer = net.call("integrated_gradients", images=np.repeat(picture[None], 10, axis=0), classes=every)
        sums = answer["integrated_gradients"].sum(axis=(1, 2))
        span = np.abs(answer["difference"]).max()
        assert np.allclose(sums, answer["difference"], atol=0.05 * span)


@pytest.mark.parametrize("method", ["saliency", "smoothgrad", "integrated_gradients", "occlusion"])
def test_a_class_that_does_not_exist(net: Net, images: NDArray[np.uint8], method: str) -> None:
    maps = net.call(method, images=images[:2], classes=np.array([10, -1], np.int32))[method]
    assert maps.shape == (2, 28, 28)
    assert not maps.any()
