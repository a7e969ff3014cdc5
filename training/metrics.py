"""How good predictions are. NumPy alone, so that every figure on a card can be recomputed anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

ECE_BINS = 15


def score(probabilities: NDArray[np.float32], labels: NDArray[np.uint8], names: Sequence[str]) -> dict[str, Any]:
    """The metrics as the card has them, from probabilities (N, K) and labels (N,) that index `names`.

    `loss` is the mean negative log-likelihood in nats, without label smoothing. `confusion_matrix[true][predicted]`
    counts pictures. Precision, recall and F1 are 0 where nothing was predicted or nothing was there. `mistakes` are the
    indices of the pictures read wrongly: with them two models can be compared picture by picture, without the data.
    """
    predicted = probabilities.argmax(axis=1)
    matrix = confusion_matrix(labels, predicted, len(names))
    correct = int(np.trace(matrix))
    return {
        "accuracy": correct / len(labels),
        "correct": correct,
        "total": len(labels),
        "loss": negative_log_likelihood(probabilities, labels),
        "ece": expected_calibration_error(probabilities, labels),
        "brier": brier_score(probabilities, labels),
        "reliability": reliability_bins(probabilities, labels),
        "mistakes": np.flatnonzero(predicted != labels).tolist(),
        "confusion_matrix": matrix.tolist(),
        "per_class": [_class_row(matrix, index, name) for index, name in enumerate(names)],
    }


def confusion_matrix(labels: NDArray[Any], predicted: NDArray[Any], classes: int) -> NDArray[np.int64]:
    """Counts (K, K): the row is the true class, the column the predicted one."""
    matrix = np.zeros((classes, classes), np.int64)
    np.add.at(matrix, (labels, predicted), 1)
    return matrix


def negative_log_likelihood(probabilities: NDArray[Any], labels: NDArray[np.uint8]) -> float:
    """The mean of -ln p(true class), in nats; a probability below float32's smallest normal counts as that."""
    of_truth = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.maximum(of_truth, np.finfo(np.float32).tiny)).mean())


def expected_calibration_error(probabilities: NDArray[Any], labels: NDArray[np.uint8], bins: int = ECE_BINS) -> float:
    """How far confidence and accuracy lie apart, in [0, 1]: their mean distance over bins of equal width.

    Source: Guo et al., "On Calibration of Modern Neural Networks" (2017), equation 5.
    """
    bin_of, confidence, right = _binned(probabilities, labels, bins)
    surplus = np.bincount(bin_of, weights=confidence - right, minlength=bins)
    return float(np.abs(surplus).sum() / len(labels))


def reliability_bins(
    probabilities: NDArray[Any], labels: NDArray[np.uint8], bins: int = ECE_BINS
) -> list[dict[str, float | int]]:
    """The bins of `expected_calibration_error` that hold pictures: `above` < confidence ≤ `to`, how many (`count`), their
    mean `confidence`, and the share that is right (`accuracy`).
    """
    bin_of, confidence, right = _binned(probabilities, labels, bins)
    count = np.bincount(bin_of, minlength=bins)
    stated = np.bincount(bin_of, weights=confidence, minlength=bins)
    hit = np.bincount(bin_of, weights=right, minlength=bins)
    return [
        {
            "above": index / bins,
            "to": (index + 1) / bins,
            "count": int(count[index]),
            "confidence": float(stated[index] / count[index]),
            "accuracy": float(hit[index] / count[index]),
        }
        for index in np.flatnonzero(count).tolist()
    ]


def brier_score(probabilities: NDArray[Any], labels: NDArray[np.uint8]) -> float:
    """The mean squared distance of (N, K) probabilities from the truth, summed over classes: 0 is perfect, 2 the worst.

    Source: Brier, "Verification of Forecasts Expressed in Terms of Probability" (1950), equation 2.
    """
    truth = np.eye(probabilities.shape[1])[labels]
    return float(np.square(probabilities.astype(np.float64) - truth).sum(axis=1).mean())


def _binned(
    probabilities: NDArray[Any], labels: NDArray[np.uint8], bins: int
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.bool_]]:
    """For each picture its bin, its confidence, and whether it is right."""
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == labels
    return np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1), confidence, right


def _class_row(matrix: NDArray[np.int64], index: int, name: str) -> dict[str, Any]:
    hit = int(matrix[index, index])
    support, predicted = int(matrix[index].sum()), int(matrix[:, index].sum())
    return {
        "label": name,
        "precision": hit / predicted if predicted else 0.0,
        "recall": hit / support if support else 0.0,
        "f1": 2 * hit / (support + predicted) if hit else 0.0,
        "support": support,
    }
