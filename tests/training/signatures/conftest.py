"""A small net with weights of no training: as Keras has it, and as a SavedModel that was written and loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from architectures import ARCHITECTURES
from tests.toy_model import toy_digits
from training.export import export_saved_model
from training.networks.build import build_served

INPUT = (28, 28, 1)


@dataclass(frozen=True, eq=False)
class Net:
    """The Keras model, which gives logits for pixels in [0, 1], and the same as it was exported."""

    keras_model: keras.Model
    loaded: Any

    def call(self, signature: str, **inputs: Any) -> dict[str, NDArray[Any]]:
        tensors = {name: tf.constant(value) for name, value in inputs.items()}
        return {name: value.numpy() for name, value in self.loaded.signatures[signature](**tensors).items()}

    def logits(self, pixels: Any) -> Any:
        return self.keras_model(pixels, training=False)


def _net(name: str, tmp_path_factory: pytest.TempPathFactory) -> Net:
    model = build_served(ARCHITECTURES[name], INPUT)
    rng = np.random.default_rng(5)
    for layer in model.layers:
        layer.set_weights([rng.normal(0.0, 1.5 / np.sqrt(np.prod(w.shape[:-1])), w.shape) for w in layer.weights])
    directory = tmp_path_factory.mktemp(name)
    export_saved_model(model, ARCHITECTURES[name], 1.3, directory)
    return Net(model, tf.saved_model.load(str(directory)))


@pytest.fixture(scope="session")
def cnn(tmp_path_factory: pytest.TempPathFactory) -> Net:
    return _net("cnn", tmp_path_factory)


@pytest.fixture(scope="session")
def mlp(tmp_path_factory: pytest.TempPathFactory) -> Net:
    return _net("mlp", tmp_path_factory)


@pytest.fixture
def images() -> NDArray[np.uint8]:
    pictures, _ = toy_digits(4)
    return pictures[..., None]


@pytest.fixture
def classes() -> NDArray[np.int32]:
    return np.array([3, 0, 9, 5], np.int32)
