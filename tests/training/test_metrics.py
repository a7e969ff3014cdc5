"""Our figures beside scikit-learn's, and beside ones worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import brier_score_loss, log_loss, precision_recall_fscore_support
from sklearn.metrics import confusion_matrix as sk_confusion_matrix

from training.calibrate import (
    KEEP_SHARE,
    calibration_document,
    energy,
    fit_temperature,
    rejection_document,
    softmax,
)
from training.metrics import brier_score, expected_calibration_error, reliability_bins, score

NAMES = tuple("0123456789")
Logits = NDArray[np.float64]
Labels = NDArray[np.uint8]


@pytest.fixture
def judged(rng: np.random.Generator) -> tuple[Logits, Labels]:
    """Logits (2000, 10) and labels drawn from the very probabilities they state: calibrated by construction."""
    logits = rng.normal(0.0, 2.0, (2000, 10))
    labels = np.array([rng.choice(10, p=row) for row in softmax(logits)], np.uint8)
    return logits, labels


def test_the_same_as_scikit_learn(judged: tuple[Logits, Labels]) -> None:
    logits, labels = judged
    probabilities = softmax(logits).astype(np.float32)
    predicted = probabilities.argmax(axis=1)
    found = score(probabilities, labels, NAMES)
    assert found["confusion_matrix"] == sk_confusion_matrix(labels, predicted).tolist()
    assert found["correct"] == int((predicted == labels).sum())
    assert found["total"] == 2000
    assert found["accuracy"] == found["correct"] / 2000
    assert found["loss"] == pytest.approx(log_loss(labels, softmax(logits)), rel=1e-4)
    precision, recall, f1, support = precision_recall_fscore_support(labels, predicted)
    for index, row in enumerate(found["per_class"]):
        assert row["label"] == NAMES[index]
        assert row["support"] == support[index]
        assert [row["precision"], row["recall"], row["f1"]] == pytest.approx(
            [precision[index], recall[index], f1[index]]
        )


def test_a_class_that_is_never_predicted_nor_there() -> None:
    probabilities = np.array([[0.9, 0.1, 0.0], [0.8, 0.2, 0.0]], np.float32)
    rows = score(probabilities, np.array([0, 1], np.uint8), ("a", "b", "c"))["per_class"]
    assert rows[1] == {"label": "b", "precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 1}
    assert rows[2] == {"label": "c", "precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 0}


def test_calibration_error_by_hand() -> None:
    """Of four answers at 0.75 three are right, of two at 0.95 one: (4 · 0 + 2 · 0.45) / 6 = 0.15."""
    confidence = np.array([0.75, 0.75, 0.75, 0.75, 0.95, 0.95])
    probabilities = np.stack([confidence, 1 - confidence], axis=1)
    labels = np.array([0, 0, 0, 1, 0, 1], np.uint8)
    assert expected_calibration_error(probabilities, labels) == pytest.approx(0.15)


def test_the_bins_of_the_calibration_error_by_hand() -> None:
    confidence = np.array([0.75, 0.75, 0.75, 0.75, 0.95, 0.95])
    probabilities = np.stack([confidence, 1 - confidence], axis=1)
    lower, upper = reliability_bins(probabilities, np.array([0, 0, 0, 1, 0, 1], np.uint8), bins=10)
    assert lower == pytest.approx({"above": 0.7, "to": 0.8, "count": 4, "confidence": 0.75, "accuracy": 0.75})
    assert upper == pytest.approx({"above": 0.9, "to": 1.0, "count": 2, "confidence": 0.95, "accuracy": 0.5})


def test_the_bins_make_up_the_calibration_error(judged: tuple[Logits, Labels]) -> None:
    probabilities, labels = softmax(judged[0], 0.5), judged[1]
    bins = reliability_bins(probabilities, labels)
    assert sum(bin_["count"] for bin_ in bins) == 2000
    assert all(bin_["above"] < bin_["confidence"] <= bin_["to"] for bin_ in bins)
    distance = sum(bin_["count"] * abs(bin_["confidence"] - bin_["accuracy"]) for bin_ in bins) / 2000
    assert distance == pytest.approx(expected_calibration_error(probabilities, labels))


def test_the_brier_score(judged: tuple[Logits, Labels]) -> None:
    probabilities, labels = softmax(judged[0]), judged[1]
    expected = brier_score_loss(labels, probabilities, labels=range(10), scale_by_half=False)
    assert brier_score(probabilities, labels) == pytest.approx(expected)
    assert brier_score(np.array([[0.0, 1.0]]), np.array([0], np.uint8)) == 2.0


def test_the_mistakes_are_the_pictures_off_the_diagonal(judged: tuple[Logits, Labels]) -> None:
    probabilities, labels = softmax(judged[0]).astype(np.float32), judged[1]
    found = score(probabilities, labels, NAMES)
    assert len(found["mistakes"]) == found["total"] - found["correct"]
    assert all(probabilities[index].argmax() != labels[index] for index in found["mistakes"])


def test_full_confidence_has_a_bin() -> None:
    assert expected_calibration_error(np.array([[1.0, 0.0]]), np.array([1], np.uint8)) == 1.0


@pytest.mark.parametrize("factor", [0.25, 1.0, 3.0])
def test_the_temperature_undoes_a_factor(judged: tuple[Logits, Labels], factor: float) -> None:
    logits, labels = judged
    assert fit_temperature(logits * factor, labels) == pytest.approx(factor, rel=0.1)


def test_no_other_temperature_is_better(judged: tuple[Logits, Labels]) -> None:
    logits, labels = judged
    best = fit_temperature(logits, labels)
    losses = [calibration_document(logits, labels, best * near)["loss_after"] for near in (0.98, 1.0, 1.02)]
    assert losses[1] == min(losses)


def test_calibration_is_told_before_and_after(judged: tuple[Logits, Labels]) -> None:
    logits, labels = judged
    told = calibration_document(3 * logits, labels, fit_temperature(3 * logits, labels))
    assert told["method"] == "temperature"
    assert told["ece_before"] > 0.1
    assert told["ece_after"] < 0.04
    assert told["loss_after"] < told["loss_before"]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_energy_is_that_of_the_paper(rng: np.random.Generator, temperature: float) -> None:
    logits = rng.normal(0.0, 300.0, (50, 10))  # exp of these would overflow
    expected = -temperature * np.logaddexp.reduce(logits / temperature, axis=1)
    assert energy(logits, temperature) == pytest.approx(expected)
    assert softmax(logits, temperature).sum(axis=1) == pytest.approx(np.ones(50))


def test_thresholds_keep_what_they_promise(judged: tuple[Logits, Labels]) -> None:
    probabilities, energies = softmax(judged[0]), energy(judged[0])
    told = rejection_document(probabilities, energies)
    assert told["keep_share"] == KEEP_SHARE
    by_energy = (energies <= told["energy"]["reject_above"]).mean()
    by_probability = (probabilities.max(axis=1) >= told["max_probability"]["reject_below"]).mean()
    assert KEEP_SHARE <= by_energy < KEEP_SHARE + 0.001
    assert KEEP_SHARE <= by_probability < KEEP_SHARE + 0.001
