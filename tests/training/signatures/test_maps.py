"""Grad-CAM and occlusion, beside the same quantities computed with Keras alone."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from tests.training.signatures.conftest import Net
from training.pipeline import to_pixels
from training.signatures.occlusion import PATCH_PX, patches

pytestmark = pytest.mark.slow


def test_grad_cam(cnn: Net, images: NDArray[np.uint8], classes: NDArray[np.int32]) -> None:
    answer = cnn.call("grad_cam", images=images, classes=classes)
    assert set(answer) == {layer.name for layer in cnn.keras_model.layers if isinstance(layer, keras.layers.Conv2D)}
    for name, maps in answer.items():
        both = keras.Model(cnn.keras_model.inputs, [cnn.keras_model.get_layer(name).output, cnn.keras_model.output])
        for picture, wanted, found in zip(images, classes, maps, strict=True):
            with tf.GradientTape() as tape:
                features, logits = both(to_pixels(picture[None]))
                asked_for = logits[0, wanted]
            weights = np.asarray(tape.gradient(asked_for, features)).mean(axis=(0, 1, 2))
            expected = np.maximum((np.asarray(features)[0] * weights).sum(axis=2), 0.0)
            enlarged = np.asarray(tf.image.resize(expected[..., None], (28, 28)))[..., 0]
            assert np.allclose(found, enlarged, atol=1e-4)


def test_a_net_without_feature_maps_has_none(mlp: Net) -> None:
    assert "grad_cam" not in mlp.loaded.signatures
    assert "saliency" in mlp.loaded.signatures


def test_occlusion(cnn: Net, images: NDArray[np.uint8], classes: NDArray[np.int32]) -> None:
    maps = cnn.call("occlusion", images=images[:2], classes=classes[:2])["occlusion"]
    corners = [(top, left) for top in range(0, 23, 2) for left in range(0, 23, 2)]
    for picture, wanted, found in zip(images[:2], classes[:2], maps, strict=True):
        covered = np.repeat(picture[None], len(corners), axis=0)
        for copy, (top, left) in zip(covered, corners, strict=True):
            copy[top : top + PATCH_PX, left : left + PATCH_PX] = 0
        falls = np.asarray(cnn.logits(to_pixels(picture[None])) - cnn.logits(to_pixels(covered)))[:, wanted]
        total, times = np.zeros((28, 28)), np.zeros((28, 28))
        for fall, (top, left) in zip(falls, corners, strict=True):
            total[top : top + PATCH_PX, left : left + PATCH_PX] += fall
            times[top : top + PATCH_PX, left : left + PATCH_PX] += 1
        assert np.allclose(found, total / times, atol=1e-4)


@pytest.mark.parametrize(("height", "width"), [(28, 28), (32, 32), (7, 29), (6, 6), (4, 9)])
def test_patches_cover_every_pixel(height: int, width: int) -> None:
    covers = patches(height, width).numpy()
    assert covers.shape[1:] == (height, width)
    assert covers.sum(axis=0).min() >= 1
    assert set(np.unique(covers)) == {1.0} if min(height, width) <= PATCH_PX == max(height, width) else {0.0, 1.0}
