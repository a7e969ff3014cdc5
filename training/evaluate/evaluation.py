"""Every figure about a model's answers to labelled pictures, worked out once and shown in several ways."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from training.evaluate.intervals import Interval, wilson_interval
from training.evaluate.parts import part_for
from training.metrics import score

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rich.console import Console

    from training.data import Dataset
    from training.evaluate.parts import PartName
    from training.evaluate.served import ServedModel
    from training.pipeline import Part


@dataclass(frozen=True)
class Mistake:
    """A picture read wrongly: its `index` in the part, the true and the predicted class, and how sure the model was of
    each. `loss` is -ln p(true class), in nats.
    """

    index: int
    true: str
    predicted: str
    confidence: float
    of_truth: float
    loss: float


@dataclass(frozen=True, eq=False)
class Evaluation:
    """`model` (as in `cnn/3`) on `part` of `dataset`. `metrics` are as the card has them; `probabilities` are (N, K)."""

    model: str
    dataset: str
    part: str
    labels: tuple[str, ...]
    pictures: Part
    probabilities: NDArray[np.float32]
    metrics: dict[str, Any]
    macro: dict[str, float]
    """The plain mean of `precision`, `recall` and `f1` over the classes."""

    @property
    def accuracy_interval(self) -> Interval:
        return wilson_interval(self.metrics["correct"], self.metrics["total"])

    @property
    def losses(self) -> NDArray[np.float64]:
        """-ln p(true class) of each picture, (N,), in nats."""
        of_truth = self.probabilities[np.arange(len(self.pictures)), self.pictures.labels].astype(np.float64)
        return -np.log(np.maximum(of_truth, np.finfo(np.float32).tiny))

    def worst(self, count: int) -> list[Mistake]:
        """The mistakes of highest loss, highest first, at most `count`."""
        wrong = np.array(self.metrics["mistakes"], np.int64)
        order = wrong[np.argsort(-self.losses[wrong], kind="stable")][:count]
        return [self._mistake(int(index)) for index in order]

    def document(self, mistakes: int = 20) -> dict[str, Any]:
        """All of it but pictures and probabilities, as JSON has it."""
        interval = self.accuracy_interval
        return {
            "model": self.model,
            "dataset": self.dataset,
            "part": self.part,
            "labels": list(self.labels),
            **self.metrics,
            "accuracy_interval_95": [interval.low, interval.high],
            "macro": self.macro,
            "worst": [vars(mistake) for mistake in self.worst(mistakes)],
        }

    def _mistake(self, index: int) -> Mistake:
        row, true = self.probabilities[index], int(self.pictures.labels[index])
        return Mistake(
            index=index,
            true=self.labels[true],
            predicted=self.labels[int(row.argmax())],
            confidence=float(row.max()),
            of_truth=float(row[true]),
            loss=float(self.losses[index]),
        )


def evaluate(
    model: ServedModel, dataset: Dataset, part: PartName = "test", console: Console | None = None
) -> Evaluation:
    """Ask `model` every picture of that part. Raises `ConfigurationError` when the data set does not fit it."""
    from sklearn.metrics import precision_recall_fscore_support

    pictures = part_for(model, dataset, part)
    probabilities = model.probabilities(pictures.images, console)
    classes = range(len(model.labels))
    precision, recall, f1, _ = precision_recall_fscore_support(
        pictures.labels, probabilities.argmax(axis=1), labels=classes, average="macro", zero_division=0.0
    )
    return Evaluation(
        model=model.name,
        dataset=dataset.spec.name,
        part=part,
        labels=model.labels,
        pictures=pictures,
        probabilities=probabilities,
        metrics=score(probabilities, pictures.labels, model.labels),
        macro={"precision": float(precision), "recall": float(recall), "f1": float(f1)},
    )
