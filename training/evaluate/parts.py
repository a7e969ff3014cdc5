"""The pictures that a model is asked, and whether it can be asked them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from training.data import DATASETS
from training.errors import ConfigurationError
from training.pipeline import Part, split

if TYPE_CHECKING:
    from collections.abc import Mapping

    from training.data import Dataset
    from training.evaluate.served import ServedModel

PartName = Literal["test", "validation"]
PARTS: tuple[PartName, ...] = ("test", "validation")


def learned_from(card: Mapping[str, Any]) -> str:
    """The data set that the model of this card learned from, by the name under which it can be had again.

    Raises `ConfigurationError` when it was somebody's own: where that is now, no card knows.
    """
    name: str = card["dataset"]["name"]
    if name not in DATASETS:
        raise ConfigurationError(
            f"{card['name']}/{card['version']} learned from data of somebody's own, {name}; say by --dataset where they are."
        )
    return name


def part_for(model: ServedModel, dataset: Dataset, part: PartName) -> Part:
    """The `part` of `dataset` whose labels (N,) index the model's classes, which are found by their names.

    The validation part is as large as the one of the run that made the model, hence the same pictures when it learned
    from this data set. Raises `ConfigurationError` when the data set does not fit: other sides, other colours, or a
    class that the model does not know.
    """
    shape = dataset.x_test.shape[1:]
    if shape != model.input_shape:
        raise ConfigurationError(
            f"{model.name} takes pictures of {_sides(model.input_shape)}, and those of {dataset.spec.name} are "
            f"{_sides(shape)}."
        )
    strange = [label for label in dataset.spec.labels if label not in model.labels]
    if strange:
        raise ConfigurationError(
            f"{model.name} does not know {_listed(strange)} of {dataset.spec.name}; its classes are: "
            f"{', '.join(model.labels)}."
        )
    _, validation, test = split(dataset, int(model.card["dataset"]["validation"]))
    chosen = test if part == "test" else validation
    index_of = np.array([model.labels.index(label) for label in dataset.spec.labels], np.uint8)
    return Part(chosen.images, index_of[chosen.labels])


def _sides(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))


def _listed(labels: list[str]) -> str:
    shown = ", ".join(repr(label) for label in labels[:5])
    return shown if len(labels) <= 5 else f"{shown} and {len(labels) - 5} more classes"
