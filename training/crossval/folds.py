"""Which pictures are trained on and which are held out, fold by fold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from training.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Fold:
    """Indices int64 of the pictures to train on and of those held out, in ascending order; together all of them."""

    training: NDArray[np.int64]
    held_out: NDArray[np.int64]


def make_folds(labels: NDArray[np.uint8], count: int, seed: int, names: Sequence[str]) -> tuple[Fold, ...]:
    """`count` folds, drawn by `seed`; each class makes up the same share of every one of them, to within a picture.

    Each picture is held out exactly once. `names` are the classes that `labels` (N,) index. Raises
    `ConfigurationError` for fewer than two folds, and when a class has fewer pictures than there are folds.
    """
    from sklearn.model_selection import StratifiedKFold

    if count < 2:
        raise ConfigurationError(f"--folds must be at least 2, not {count}.")
    for index, found in zip(*np.unique(labels, return_counts=True), strict=True):
        if found < count:
            raise ConfigurationError(
                f"--folds {count} is more than the {found} pictures of class {names[index]!r}; each fold needs one."
            )
    splitter = StratifiedKFold(n_splits=count, shuffle=True, random_state=seed)
    return tuple(
        Fold(training.astype(np.int64), held_out.astype(np.int64))
        for training, held_out in splitter.split(np.zeros(len(labels)), labels)
    )


def set_aside(training: NDArray[np.int64], labels: NDArray[np.uint8], seed: int) -> tuple[NDArray[np.int64], ...]:
    """A fold's pictures to train on without a tenth of them, and that tenth, with each class's share kept.

    Early stopping looks at the tenth. Looking at what is held out, it would choose the epoch by the very pictures that
    measure it.
    """
    from sklearn.model_selection import train_test_split

    try:
        rest, tenth = train_test_split(training, test_size=0.1, random_state=seed, stratify=labels[training])
    except ValueError as error:
        raise ConfigurationError(
            f"--early-stopping needs a tenth of each fold, with every class in it: {error}"
        ) from error
    return np.sort(rest), np.sort(tenth)
