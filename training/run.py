"""The whole way from a data set to a published version, in the order in which it happens."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from training.architecture import ARCHITECTURES, layer_table
from training.architecture.build import fold_batch_norm
from training.calibrate import calibration_document, fit_temperature, rejection_document
from training.errors import ConfigurationError
from training.export import describe_signatures, export_saved_model
from training.fit import fit, make_repeatable
from training.metrics import score
from training.pipeline import Part, altered, joined, split, to_pixels
from training.provenance import git_commit, libraries
from training.publish import publish, require_place

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import keras
    from numpy.typing import NDArray
    from rich.console import Console

    from training.architecture import Architecture
    from training.config import TrainingConfig
    from training.data import Dataset

BATCH = 500


def train_and_publish(config: TrainingConfig, dataset: Dataset, models_dir: Path, console: Console) -> Path:
    """Train the model that `config` names on `dataset` and publish its next version; return the version's directory.

    Takes minutes. The test part is looked at once, at the end, and by the SavedModel that gets published. Makes the
    process deterministic for good. Raises `TrainingError`, and then nothing is published.
    """
    if config.model not in ARCHITECTURES:
        raise ConfigurationError(f"There is no model {config.model!r}; there is: {', '.join(sorted(ARCHITECTURES))}.")
    require_place(models_dir, config.model)
    architecture = ARCHITECTURES[config.model]
    training, validation, test = split(dataset, config.validation_size)
    make_repeatable(config.seed)
    fitted = fit(architecture, training, validation, config, console)
    served = fold_batch_norm(fitted.model, architecture)
    learned = {
        "dataset": dataset_document(dataset, training, validation, test),
        "hyperparameters": config.document(),
        "seed": config.seed,
        "history": fitted.history,
        "command": config.command(),
    }
    return publish_model(
        config.model,
        served,
        architecture,
        dataset,
        validation,
        test,
        learned,
        models_dir,
        calibration=joined(validation, altered(validation, config)),
    )


def publish_model(
    name: str,
    served: keras.Model,
    architecture: Architecture,
    dataset: Dataset,
    validation: Part,
    test: Part,
    learned: Mapping[str, Any],
    models_dir: Path,
    version: int | None = None,
    *,
    calibration: Part | None = None,
) -> Path:
    """Calibrate, export, score and publish a model whose weights are final; return the version's directory.

    `learned` holds the parts of the card that tell how the weights came about. Temperature and thresholds are fitted on
    `calibration`, made of nothing but validation pictures; on these as they are, when it is not given. Raises
    `PublishError`.
    """
    fitted_on = "validation" if calibration is None else "validation, as it is and augmented"
    calibration = calibration or validation
    logits = _logits(served, calibration.images)
    temperature = fit_temperature(logits, calibration.labels)

    def fill(directory: Path) -> dict[str, Any]:
        export_saved_model(served, architecture, temperature, directory)
        loaded = tf.saved_model.load(str(directory))
        on_validation, _ = predict(loaded, validation.images)
        on_calibration, energies = predict(loaded, calibration.images)
        on_test, _ = predict(loaded, test.images)
        labels = dataset.spec.labels
        return {
            "created": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            "labels": list(labels),
            "input": {
                "shape": list(served.input_shape[1:]),
                "dtype": "uint8",
                "preparation": dataset.spec.preparation,
            },
            "architecture": architecture_document(architecture, served.input_shape[1:]),
            **learned,
            "metrics": {
                "test": score(on_test, test.labels, labels),
                "validation": score(on_validation, validation.labels, labels),
            },
            "calibration": calibration_document(logits, calibration.labels, temperature, fitted_on),
            "rejection": rejection_document(on_calibration, energies, fitted_on),
            "signatures": describe_signatures(loaded),
            "libraries": libraries(),
            "git_commit": git_commit(),
        }

    return publish(models_dir, name, fill, version)


def predict(loaded: Any, images: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Probabilities (N, K) and energies (N,) of pictures uint8 (N, H, W, C), by a loaded SavedModel, all of them."""
    serve = loaded.signatures["serving_default"]
    answers = [serve(images=tf.constant(images[at : at + BATCH])) for at in range(0, len(images), BATCH)]
    return (
        np.concatenate([answer["probabilities"].numpy() for answer in answers]),
        np.concatenate([answer["energy"].numpy() for answer in answers]),
    )


def dataset_document(dataset: Dataset, training: Part, validation: Part, test: Part) -> dict[str, Any]:
    """The card's `dataset`: what it is, where it came from, and how it was divided."""
    return {
        "name": dataset.spec.name,
        "source": dataset.source,
        "sha256": dict(dataset.spec.sha256),
        "train": len(training),
        "validation": len(validation),
        "test": len(test),
    }


def architecture_document(architecture: Architecture, input_shape: tuple[int, ...]) -> dict[str, Any]:
    """The card's `architecture`, of the model as served."""
    rows = layer_table(architecture, input_shape)
    return {
        "name": architecture.name,
        "parameters": sum(row.parameters for row in rows),
        "macs": sum(row.macs for row in rows),
        "layers": [row.document() for row in rows],
    }


def _logits(model: keras.Model, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.concatenate(
        [model(to_pixels(images[at : at + BATCH]), training=False).numpy() for at in range(0, len(images), BATCH)]
    )
