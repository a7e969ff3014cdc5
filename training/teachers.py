"""Models that a new one learns from beside the labels: which may teach, and what the card tells of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from training.errors import ConfigurationError, PublishError
from training.publish import verify

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from training.data import Dataset

_GRAPH = ("saved_model.pb", "variables/variables.data-00000-of-00001")


@dataclass(frozen=True)
class Teacher:
    """A published version that teaches. `sha256` is of its graph and of its weights, so that a run knows it again;
    `seed` and `command` are how it was trained.
    """

    directory: str
    name: str
    version: int
    seed: int
    command: str
    sha256: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """What the card says of it: nothing of this machine."""
        return {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in asdict(self).items()
            if key != "directory"
        }


def read_teachers(
    directories: Sequence[Path], dataset: Dataset, *, validation_size: int, with_outliers: bool
) -> tuple[Teacher, ...]:
    """The versions in `directories`, each of them whole and fit to teach a run on `dataset`, `with_outliers` or without.

    Raises `PublishError` when a version is not what its card says, and `ConfigurationError` when it cannot teach this: it
    has other classes, another input, does not know what is no digit while the run has such pictures, or has itself
    learned from pictures that this run is judged by.
    """
    return tuple(
        _teacher(directory, dataset, validation_size, with_outliers=with_outliers) for directory in directories
    )


def _teacher(directory: Path, dataset: Dataset, validation_size: int, *, with_outliers: bool) -> Teacher:
    if not directory.is_dir():
        raise ConfigurationError(f"--teacher {directory} is no directory of a version, as models/cnn/1 is.")
    card = verify(directory)
    try:
        fault = _unfit(card, dataset, validation_size, with_outliers=with_outliers)
        if fault:
            raise ConfigurationError(f"--teacher {directory} cannot teach this run: {fault}.")
        return Teacher(
            directory=str(directory),
            name=card["name"],
            version=card["version"],
            seed=card["seed"],
            command=card["command"],
            sha256=tuple(card["files"][file]["sha256"] for file in _GRAPH),
        )
    except (KeyError, TypeError) as error:
        raise PublishError(f"{directory} has a card that does not tell how it was trained: {error}") from error


def _unfit(card: Mapping[str, Any], dataset: Dataset, validation_size: int, *, with_outliers: bool) -> str | None:
    spec, expected, learned = dataset.spec, card["input"], card["dataset"]
    if tuple(card["labels"]) != spec.labels:
        return f"its classes are not those of {spec.name}"
    if tuple(expected["shape"]) != dataset.x_train.shape[1:]:
        return f"its pictures are {expected['shape']}, those of {spec.name} {list(dataset.x_train.shape[1:])}"
    if with_outliers and not _rejects(card):
        return "it has not learned what is no digit, and this run has such pictures (--outlier-share)"
    # The validation part of a larger size holds that of a smaller one.
    set_aside = card["hyperparameters"]["validation_size"]
    if learned["sha256"] == dict(spec.sha256) and set_aside < validation_size:
        return (
            "it has learned from pictures that this run validates on, since its --validation-size was "
            f"{set_aside} and this run's is {validation_size}"
        )
    return None


def _rejects(card: Mapping[str, Any]) -> bool:
    return bool(card["hyperparameters"].get("outlier_share"))
