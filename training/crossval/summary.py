"""What the folds say together."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training.trials import TrialResult


@dataclass(frozen=True)
class Estimate:
    """Mean and sample standard deviation (n - 1) over folds, and the 95 % interval of the mean, `low` to `high`."""

    mean: float
    deviation: float
    low: float
    high: float


def estimate(values: Sequence[float], *, at_least: float = 0.0, at_most: float = math.inf) -> Estimate:
    """The estimate from one value for each fold, of which there are at least two.

    The interval is Student's, mean ± t(0.975, n - 1) · s / √n, cut off at the bounds of what the figure can be. Folds
    share pictures to train on, so that it is somewhat too narrow; no estimate of the variance is without bias (Bengio
    and Grandvalet, "No Unbiased Estimator of the Variance of K-Fold Cross-Validation", 2004).
    """
    from scipy.stats import t

    count = len(values)
    mean, deviation = float(np.mean(values)), float(np.std(values, ddof=1))
    half = float(t.ppf(0.975, count - 1)) * deviation / math.sqrt(count)
    return Estimate(mean, deviation, max(mean - half, at_least), min(mean + half, at_most))


@dataclass(frozen=True)
class CrossValidation:
    """A finished cross-validation: what was trained, and the result of each fold. `names` are the classes."""

    command: str
    model: str
    pictures: int
    parameters: int
    macs: int
    names: tuple[str, ...]
    folds: tuple[TrialResult, ...]

    @property
    def loss(self) -> Estimate:
        return estimate([fold.loss for fold in self.folds])

    @property
    def accuracy(self) -> Estimate:
        return estimate([fold.accuracy for fold in self.folds], at_most=1.0)

    @property
    def recalls(self) -> dict[str, Estimate]:
        """By class."""
        return {
            name: estimate([fold.recalls[index] for fold in self.folds], at_most=1.0)
            for index, name in enumerate(self.names)
        }

    def document(self) -> dict[str, Any]:
        """All of it as JSON has it."""
        return {
            "command": self.command,
            "model": self.model,
            "pictures": self.pictures,
            "parameters": self.parameters,
            "macs": self.macs,
            "loss": asdict(self.loss),
            "accuracy": asdict(self.accuracy),
            "recall": {name: asdict(recall) for name, recall in self.recalls.items()},
            "folds": [{"fold": number, **fold.document()} for number, fold in enumerate(self.folds, start=1)],
        }
