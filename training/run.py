"""The whole way from a data set to a published version, in the order in which it happens."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from architectures import layer_table
from training.calibrate import calibration_document, fit_temperature, rejection_document
from training.checkpoints import Checkpoint, reserved, run_directory
from training.command_line import command_line
from training.errors import ConfigurationError, RunInterruptedError
from training.evaluate.served import as_served
from training.export import describe_signatures, export_saved_model
from training.fit import Fitted, fit, make_repeatable
from training.interruption import Interruption
from training.litert import UnconvertibleError, write_litert
from training.metrics import score
from training.neighbours import write_neighbours
from training.networks.build import fold_batch_norm
from training.pipeline import Part, altered, first, joined, split, to_pixels
from training.provenance import git_commit, libraries
from training.publish import publish, require_place
from training.recipes import NONE, data_family
from training.report import REPORT, write_report
from training.succession import Succession

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import keras
    from numpy.typing import NDArray
    from rich.console import Console

    from architectures import Architecture
    from training.config import TrainingConfig
    from training.data import Dataset

    Parts = tuple[Part, Part, Part]
    Watch = Callable[[Parts], Sequence[keras.callbacks.Callback]]

logger = logging.getLogger(__name__)

BATCH = 500


@dataclass(frozen=True)
class Publication:
    """The directory of a new version, and what there is to say about which version answers now."""

    directory: Path
    remarks: list[str]


def train_and_publish(
    config: TrainingConfig,
    dataset: Dataset,
    models_dir: Path,
    console: Console,
    *,
    runs_dir: Path | None = None,
    fresh: bool = False,
    as_is: bool = False,
    watch: Watch | None = None,
) -> Publication:
    """Train the model that `config` names on `dataset` and publish its next version.

    Takes minutes. With a `runs_dir` it goes on where the same run was interrupted, unless it shall be `fresh`; `as_is`
    publishes what such a run had reached. `watch` is given training, validation and test part and makes callbacks.
    The test part is looked at once, at the end, and by the SavedModel that gets published; and for `report_every`, which
    has no influence. Makes the process deterministic for good. Raises `TrainingError`, and then nothing is published.
    """
    name = config.published_name
    architecture = config.architecture(len(dataset.spec.labels))
    require_place(models_dir, name)
    succession = Succession(models_dir, name)
    succession.check()
    parts = split(dataset, config.validation_size)
    with _kept(runs_dir, config, dataset) as checkpoint:
        if checkpoint and fresh:
            checkpoint.discard()
        fitted = _fit(config, architecture, parts, console, checkpoint, as_is=as_is, watch=watch)
        served = fold_batch_norm(fitted.model, architecture)
        training, validation, test = first(parts[0], config.pictures), parts[1], parts[2]
        learned: dict[str, Any] = {
            "dataset": dataset_document(dataset, training, validation, test),
            "hyperparameters": config.document(),
            "seed": config.seed,
            "history": fitted.history,
            "command": " ".join([command_line(config), *dataset.options]),
        }
        if fitted.backend != "tensorflow":
            learned["backend"] = fitted.backend
            learned["command"] += f" --backend {fitted.backend}"
        if config.teachers:
            learned["teachers"] = [teacher.document() for teacher in config.teachers]
        if fitted.test_curve:
            learned["test_curve"] = fitted.test_curve
        if as_is:
            learned["interrupted"] = {"epochs_done": len(fitted.history), "epochs": config.epochs}
        directory = publish_model(
            name,
            served,
            architecture,
            dataset,
            validation,
            test,
            learned,
            models_dir,
            calibration=_calibration_part(validation, config),
            before_publication=succession.prepare,
        )
        if checkpoint:
            checkpoint.remove()
    return Publication(directory, succession.conclude(int(directory.name)))


def _fit(
    config: TrainingConfig,
    architecture: Architecture,
    parts: Parts,
    console: Console,
    checkpoint: Checkpoint | None,
    *,
    as_is: bool,
    watch: Watch | None,
) -> Fitted:
    training, validation, test = parts
    if as_is and (checkpoint is None or not checkpoint.path.is_file()):
        raise ConfigurationError("--as-is publishes what an interrupted run has reached, and there is no such run.")
    if checkpoint and checkpoint.path.is_file():
        console.print(f"[dim]going on from {checkpoint.path}[/dim]", highlight=False, soft_wrap=True)
    make_repeatable(config.seed)
    try:
        with Interruption() as interruption:
            return fit(
                architecture,
                training,
                validation,
                config,
                console,
                test=test,
                checkpoint=checkpoint,
                as_is=as_is,
                interruption=interruption,
                callbacks=watch(parts) if watch else (),
            )
    except RunInterruptedError as error:
        raise RunInterruptedError(error.epochs_done, _how_to_go_on(error.epochs_done, config, checkpoint)) from None


def _how_to_go_on(epochs_done: int, config: TrainingConfig, checkpoint: Checkpoint | None) -> str:
    if checkpoint is None or not epochs_done:
        return "interrupted before the end of the first epoch; nothing is kept and nothing was published"
    return (
        f"interrupted after {epochs_done} of {config.epochs} epochs, which are kept in {checkpoint.directory}; nothing was "
        "published. The same command goes on there; with --as-is it publishes what has been reached, with --fresh it "
        "starts over."
    )


def _kept(
    runs_dir: Path | None, config: TrainingConfig, dataset: Dataset
) -> contextlib.AbstractContextManager[Checkpoint | None]:
    if runs_dir is None:
        return contextlib.nullcontext()
    return reserved(run_directory(runs_dir, config, dict(dataset.spec.sha256)))


def _calibration_part(validation: Part, config: TrainingConfig) -> Part | None:
    """What people send is less neat than MNIST, so digits are calibrated on changed ones too."""
    if data_family(config.dataset) != "handwriting" or config.augmentation == NONE:
        return None
    return joined(validation, altered(validation, config))


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
    before_publication: Callable[[Mapping[str, Any]], None] | None = None,
) -> Path:
    """Calibrate, export, score and publish a model whose weights are final; return the version's directory.

    `learned` holds the parts of the card that tell how the weights came about. Temperature and thresholds are fitted on
    `calibration`, made of nothing but validation pictures; on these as they are, when it is not given.
    `before_publication` is told the card, without version and files, when the version is about to appear. Raises
    `PublishError`.
    """
    fitted_on = "validation" if calibration is None else "validation, as it is and augmented"
    calibration = calibration or validation
    logits = _logits(served, calibration.images)
    temperature = fit_temperature(logits, calibration.labels)

    loaded: Any = None

    def fill(directory: Path) -> dict[str, Any]:
        nonlocal loaded
        export_saved_model(served, architecture, temperature, directory)
        loaded = tf.saved_model.load(str(directory))
        on_validation, _ = predict(loaded, validation.images)
        on_calibration, energies = predict(loaded, calibration.images)
        on_test, _ = predict(loaded, test.images)
        labels = dataset.spec.labels
        card = {
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
        if before_publication is not None:
            before_publication(card)
        return card

    def finish(directory: Path, card: Mapping[str, Any]) -> None:
        exported = as_served(loaded, card)
        write_neighbours(directory, dataset, exported)
        try:
            write_litert(directory, exported)
        except UnconvertibleError as error:
            logger.warning("It is published without a conversion for LiteRT, and served in TensorFlow: %s", error)
        write_report(directory, None, directory / REPORT, card=card)

    return publish(models_dir, name, fill, version, finish)


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
