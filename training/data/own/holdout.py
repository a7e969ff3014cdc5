"""Setting a test part aside."""

from __future__ import annotations

import numpy as np

from training.data.own.reading import Part
from training.errors import ConfigurationError

HOLDOUT_SEED = 20_240_301  # one for all, so that versions are compared on the same pictures
SHARE = 6


def hold_out(part: Part, names: tuple[str, ...] | None = None) -> tuple[Part, Part]:
    """What is left to train on, and one picture in `SHARE` of each class to test with, at least one.

    They are drawn at random, but always the same ones, and keep the order they had. Raises `ConfigurationError`, naming a class that has a single picture.
    """
    rng = np.random.default_rng(HOLDOUT_SEED)
    is_test = np.zeros(len(part.labels), bool)
    for label in np.unique(part.labels):
        of_class = np.flatnonzero(part.labels == label)
        if len(of_class) < 2:
            name = repr(names[label]) if names is not None and label < len(names) else f"number {label}"
            raise ConfigurationError(
                f"{part.name} has one picture of the class {name}; without a test part it takes two at least."
            )
        is_test[rng.permutation(of_class)[: max(1, len(of_class) // SHARE)]] = True
    return (
        Part(part.name, part.images[~is_test], part.labels[~is_test]),
        Part(f"what was set aside of {part.name}", part.images[is_test], part.labels[is_test]),
    )
