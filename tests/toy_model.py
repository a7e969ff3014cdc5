"""A small real model, made in about a second, for every test that needs one.

    path = write_toy_model(models_dir)                       # models_dir/toy/1, a SavedModel with its card
    picture = toy_digit(7)                                   # uint8 (28, 28), which it takes for a 7

It reads seven-segment digits. It comes out of the same calibration, export and publication as the models that are
shipped, so it keeps the whole contract; only its weights are found in closed form instead of by training: a random
convolution, and on it the linear map that fits best. The same arguments give the same model.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from architectures import Architecture, Conv, Dense, Flatten
from training.data.dataset import from_raw_files
from training.data.sources import raw_files
from training.data.specs import DatasetSpec
from training.pipeline import split, to_pixels
from training.run import dataset_document, publish_model

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import keras
    from numpy.typing import NDArray

    from training.data import Dataset

TOY = Architecture(
    name="toy",
    allow_floor=True,  # (28 - 5) / 2 is no whole number
    layers=(
        Conv(filters=8, kernel=5, stride=2, padding="valid", batch_norm=False),
        Flatten(),
        Dense(10, activation="linear", batch_norm=False),
    ),
)

# Which of the segments top, upper left, upper right, middle, lower left, lower right, bottom are lit in each digit.
_LIT = ("1110111", "0010010", "1011101", "1011011", "0111010", "1101011", "1101111", "1010010", "1111111", "1111011")


def write_toy_model(
    models_dir: Path,
    name: str = "toy",
    version: int | None = 1,
    *,
    seed: int = 0,
    hyperparameters: Mapping[str, Any] | None = None,
) -> Path:
    """Publish a toy model as `models_dir/<name>/<version>` (None for the next free one); return that directory.

    Another `seed` gives other weights, hence other probabilities, and the same answers. `hyperparameters` are what its
    card says, and change nothing. Raises `PublishError` when
    that version exists.
    """
    dataset = toy_dataset()
    training, validation, test = split(dataset, 200)
    model = _fit_in_closed_form(training.images, training.labels, seed)
    learned = {
        "dataset": dataset_document(dataset, training, validation, test),
        "hyperparameters": dict(hyperparameters or {}),
        "seed": seed,
        "history": [],
        "command": "tests.toy_model.write_toy_model",
    }
    return publish_model(name, model, TOY, dataset, validation, test, learned, models_dir, version)


def toy_digit(digit: int, seed: int = 0) -> NDArray[np.uint8]:
    """A seven-segment `digit`, uint8 (28, 28), in MNIST's canon: ink 20 pixels high with peak 255, centred by mass."""
    return _draw(digit, np.random.default_rng([digit, seed]))


def toy_digits(count: int, seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """`count` such pictures uint8 (N, 28, 28) of varying width, pen and grey, and their digits (N,), 0 to 9 in turn."""
    labels = (np.arange(count) % 10).astype(np.uint8)
    rng = np.random.default_rng(seed)
    return np.stack([_draw(int(label), rng) for label in labels]), labels


def toy_dataset(train: int = 800, test: int = 200) -> Dataset:
    """A data set of seven-segment digits that has gone through the same digest check as any other."""
    files = raw_files(*toy_digits(train, seed=1), *toy_digits(test, seed=2))
    return from_raw_files(files, toy_spec(files), "synthetic")


def toy_spec(files: dict[str, bytes]) -> DatasetSpec:
    """What would identify these raw IDX files, were they published."""
    return DatasetSpec(
        name="toy",
        labels=tuple("0123456789"),
        preparation="mnist",
        sha256={name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
        keras_name="toy",
        npm_package="toy-data@1.0.0",
    )


def _draw(digit: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    height, width, pen = 20, int(rng.integers(10, 14)), int(rng.integers(3, 5))
    middle = (height - pen) // 2
    segments = (
        (slice(0, pen), slice(0, width)),
        (slice(0, middle + pen), slice(0, pen)),
        (slice(0, middle + pen), slice(width - pen, width)),
        (slice(middle, middle + pen), slice(0, width)),
        (slice(middle, height), slice(0, pen)),
        (slice(middle, height), slice(width - pen, width)),
        (slice(height - pen, height), slice(0, width)),
    )
    ink = np.zeros((height, width), np.uint8)
    for lit, (rows, columns) in zip(_LIT[digit], segments, strict=True):
        if lit == "1":
            ink[rows, columns] = rng.integers(200, 255)
    ink[ink == ink.max()] = 255
    y, x = np.nonzero(ink)
    ink = ink[y.min() : y.max() + 1, x.min() : x.max() + 1]
    weights = ink.astype(np.float64) / ink.sum()
    top = round(14 - (weights.sum(axis=1) @ np.arange(ink.shape[0])))
    left = round(14 - (weights.sum(axis=0) @ np.arange(ink.shape[1])))
    picture = np.zeros((28, 28), np.uint8)
    picture[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    return picture


def _fit_in_closed_form(images: NDArray[np.uint8], labels: NDArray[np.uint8], seed: int) -> keras.Model:
    """Ridge regression of ±1 targets on the features of a random convolution, scaled to logits of ordinary size."""
    import keras

    from training.networks.build import build_served

    rng = np.random.default_rng(seed)
    model = build_served(TOY, images.shape[1:])
    model.get_layer("conv1").set_weights([rng.normal(0.0, 0.2, (5, 5, 1, 8)), rng.normal(0.0, 0.1, 8)])
    features = keras.Model(model.inputs, model.get_layer("flatten1").output)(to_pixels(images)).numpy()
    features = np.hstack([features, np.ones((len(features), 1))]).astype(np.float64)
    targets = 2.0 * np.eye(TOY.classes)[labels] - 1.0
    # With more features than pictures the dual form is the smaller system.
    weights = features.T @ np.linalg.solve(features @ features.T + 10.0 * np.eye(len(features)), targets)
    model.get_layer("logits").set_weights([5.0 * weights[:-1], 5.0 * weights[-1]])
    return model
