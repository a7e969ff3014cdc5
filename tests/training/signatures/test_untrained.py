"""What each layer gives with the weights that training began with."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from architectures import ARCHITECTURES
from training.export import export_saved_model
from training.networks.build import build_trained, fold_batch_norm
from training.pipeline import to_pixels

pytestmark = pytest.mark.slow

INPUT = (28, 28, 1)


@pytest.mark.parametrize("name", ["cnn", "mlp"])
def test_initial_weights_are_those_that_training_began_with(
    name: str, tmp_path: Path, images: NDArray[np.uint8]
) -> None:
    keras.utils.set_random_seed(7)
    trained = build_trained(ARCHITECTURES[name], INPUT)
    before = fold_batch_norm(trained, ARCHITECTURES[name])
    for weight in trained.trainable_variables:  # as if it had been trained
        weight.assign_add(tf.ones(weight.shape))
    served = fold_batch_norm(trained, ARCHITECTURES[name])
    export_saved_model(served, ARCHITECTURES[name], 1.0, tmp_path)
    signatures = tf.saved_model.load(str(tmp_path)).signatures
    found = signatures["untrained_activations"](images=tf.constant(images))
    values = to_pixels(images)
    for layer in before.layers[1:]:
        values = layer(values)
        # Folding has divided by sqrt(1.001) in each layer.
        assert np.allclose(found[layer.name], values, rtol=0.02, atol=1e-2)
    after = signatures["activations"](images=tf.constant(images))
    assert np.abs(found["logits"] - after["logits"]).max() > 1.0
    assert set(found) == set(after)
