"""The `scratch` network, trained by the loop that is written out, and published like any other model."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from architectures.presets import preset
from training.first_principles.loop import train
from training.fit import make_repeatable
from training.networks.build import build_trained, fold_batch_norm
from training.pipeline import Part, first, split
from training.publish import require_place
from training.run import Publication, dataset_document, publish_model
from training.succession import Succession

if TYPE_CHECKING:
    from pathlib import Path

    import keras
    from rich.console import Console

    from architectures import Architecture
    from training.data import Dataset
    from training.first_principles.loop_config import LoopConfig

MODEL = "scratch"


@dataclass(frozen=True, eq=False)
class Outcome:
    """A trained network with what it was trained and is to be scored on; `training` is the pictures it saw."""

    model: keras.Model
    architecture: Architecture
    training: Part
    validation: Part
    test: Part
    history: list[dict[str, float | int]]


def run_experiment(config: LoopConfig, dataset: Dataset, console: Console) -> Outcome:
    """Build `scratch` for `dataset` and train it as `config` says; the same seed gives the same weights.

    The pictures are the same for every seed, which decides the first weights and the order. Makes the process
    deterministic for good. Raises `ConfigurationError` when the data set has not as many pictures.
    """
    rest, validation, test = split(dataset, config.validation_size)
    training = first(rest, config.pictures)
    make_repeatable(config.seed)
    architecture = preset(MODEL, classes=len(dataset.spec.labels))
    model = build_trained(architecture, training.images.shape[1:])
    history = train(model, training, validation, config, console)
    return Outcome(model, architecture, training, validation, test, history)


def require_room(models_dir: Path) -> None:
    """Find out before training whether a version could be published and labelled. Raises `TrainingError`."""
    require_place(models_dir, MODEL)
    Succession(models_dir, MODEL).check()


def publish_outcome(outcome: Outcome, config: LoopConfig, dataset: Dataset, models_dir: Path) -> Publication:
    """Publish the network as the next version of `scratch`, as `train` would. Raises `PublishError`."""
    succession = Succession(models_dir, MODEL)
    learned: dict[str, Any] = {
        "dataset": dataset_document(dataset, outcome.training, outcome.validation, outcome.test),
        "hyperparameters": {"optimizer": "adam", **{k: v for k, v in asdict(config).items() if k != "seed"}},
        "seed": config.seed,
        "history": outcome.history,
        "command": command_line(config, dataset.spec.name),
    }
    directory = publish_model(
        MODEL,
        fold_batch_norm(outcome.model, outcome.architecture),
        outcome.architecture,
        dataset,
        outcome.validation,
        outcome.test,
        learned,
        models_dir,
        before_publication=succession.prepare,
    )
    return Publication(directory, succession.conclude(int(directory.name)))


def command_line(config: LoopConfig, dataset: str) -> str:
    """The command that repeats this run and publishes it."""
    return f"python -m training first-principles --dataset {dataset} {config.arguments()} --publish"
