"""Pictures of the test part: the worst mistakes, and of each class what the model is surest and least sure of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from training.report.pictures import ink_url

if TYPE_CHECKING:
    from training.evaluate.evaluation import Evaluation, Mistake

_MISTAKES, _EACH = 24, 7


@dataclass(frozen=True)
class ShownMistake:
    """A mistake with its picture."""

    url: str
    mistake: Mistake


@dataclass(frozen=True)
class ClassExamples:
    """Pictures of one class, all read rightly: those the model is surest of, and those it is least sure of.

    `lowest` is the confidence in the least sure one, None when none is read rightly.
    """

    label: str
    surest: tuple[str, ...]
    least_sure: tuple[str, ...]
    lowest: float | None


@dataclass(frozen=True)
class Examples:
    """All that the page shows of the test part."""

    mistakes: tuple[ShownMistake, ...]
    wrong: int
    classes: tuple[ClassExamples, ...]
    grey: bool


def examples_of(evaluation: Evaluation) -> Examples:
    """Chosen by the model's own figures; the same ones each time."""
    images, total = evaluation.pictures.images, evaluation.metrics["total"]
    worst = evaluation.worst(_MISTAKES)
    return Examples(
        mistakes=tuple(ShownMistake(ink_url(images[mistake.index]), mistake) for mistake in worst),
        wrong=total - evaluation.metrics["correct"],
        classes=tuple(_class_examples(evaluation, index, label) for index, label in enumerate(evaluation.labels)),
        grey=images.shape[-1] == 1,
    )


def _class_examples(evaluation: Evaluation, index: int, label: str) -> ClassExamples:
    images, probabilities = evaluation.pictures.images, evaluation.probabilities
    right = np.flatnonzero((evaluation.pictures.labels == index) & (probabilities.argmax(axis=1) == index))
    ordered = right[np.argsort(-probabilities[right, index], kind="stable")]
    least = ordered[::-1][:_EACH]
    return ClassExamples(
        label=label,
        surest=tuple(ink_url(images[at]) for at in ordered[:_EACH]),
        least_sure=tuple(ink_url(images[at]) for at in least),
        lowest=float(probabilities[least[0], index]) if len(least) else None,
    )
