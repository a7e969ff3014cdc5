from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from training.calibrate import energy, softmax
from training.config import TrainingConfig
from training.losses import DigitAccuracy, OpenSetCrossentropy, training_loss

LOGITS = np.random.default_rng(7).normal(0.0, 4.0, (6, 10)).astype(np.float32)
LABELS = np.array([3, 1, 4, 1, 5, 9])
TARGETS = np.eye(10, dtype=np.float32)[LABELS]


def loss(targets: np.ndarray, smoothing: float = 0.0) -> np.ndarray:
    return np.asarray(OpenSetCrossentropy(smoothing).call(tf.constant(targets), tf.constant(LOGITS)))


def test_it_is_the_cross_entropy_with_one_class_more() -> None:
    more = softmax(np.concatenate([LOGITS, np.zeros((6, 1))], axis=1))
    assert loss(TARGETS) == pytest.approx(-np.log(more[np.arange(6), LABELS]), rel=1e-5)
    assert loss(np.zeros_like(TARGETS)) == pytest.approx(-np.log(more[:, 10]), rel=1e-5, abs=1e-6)


def test_what_is_no_digit_costs_a_logistic_loss_on_the_energy() -> None:
    assert loss(np.zeros_like(TARGETS)) == pytest.approx(np.log1p(np.exp(-energy(LOGITS))), rel=1e-5, abs=1e-6)


def test_smoothing_is_spread_over_the_classes_and_spares_what_is_no_digit() -> None:
    smoothed = 0.9 * loss(TARGETS) + 0.1 * np.mean([loss(np.eye(10, dtype=np.float32)[[k] * 6]) for k in range(10)], 0)
    assert loss(TARGETS, 0.1) == pytest.approx(smoothed, rel=1e-5)
    assert loss(np.zeros_like(TARGETS), 0.1) == pytest.approx(loss(np.zeros_like(TARGETS)))


def test_large_logits_do_not_overflow() -> None:
    huge = OpenSetCrossentropy(0.05).call(tf.constant(TARGETS), tf.constant(LOGITS * 1e4))
    assert np.isfinite(huge).all()


def test_accuracy_counts_digits_alone() -> None:
    metric = DigitAccuracy()
    targets = np.concatenate([np.eye(10)[[0, 1, 2, 3]], np.zeros((4, 10))]).astype(np.float32)
    logits = np.eye(10)[[0, 1, 2, 9, 0, 0, 0, 5]].astype(np.float32)
    metric.update_state(tf.constant(targets), tf.constant(logits))
    assert float(metric.result()) == pytest.approx(0.75)
    assert metric.name == "accuracy"


def test_without_outliers_it_is_the_plain_cross_entropy() -> None:
    config = TrainingConfig(model="cnn", label_smoothing=0.0)
    plain = training_loss(config)(tf.constant(TARGETS), tf.constant(LOGITS))
    assert float(plain) == pytest.approx(-np.log(softmax(LOGITS)[np.arange(6), LABELS]).mean(), rel=1e-5)
    smoothed = training_loss(replace(config, label_smoothing=0.1))(tf.constant(TARGETS), tf.constant(LOGITS))
    spread = 0.9 * TARGETS + 0.01
    assert float(smoothed) == pytest.approx(-(spread * np.log(softmax(LOGITS))).sum(axis=1).mean(), rel=1e-5)


def test_with_outliers_it_is_the_open_set_one() -> None:
    chosen = training_loss(TrainingConfig(model="cnn", outlier_share=0.1, label_smoothing=0.2))
    assert isinstance(chosen, OpenSetCrossentropy)
    assert chosen.smoothing == 0.2
