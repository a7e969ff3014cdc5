"""Adam against Keras' own, and its first step by hand."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from training.first_principles.adam import Adam


@pytest.mark.parametrize("learning_rate", [1e-3, 0.1])
def test_it_steps_as_that_of_keras(learning_rate: float, rng: np.random.Generator) -> None:
    """Over 30 steps of gradients that differ in size by a thousand; Keras puts ε elsewhere, which here is nothing."""
    start = [rng.normal(size=shape).astype(np.float32) for shape in ((3, 4), (5,))]
    ours = [tf.Variable(values) for values in start]
    theirs = [keras.Variable(values) for values in start]
    adam, reference = Adam(ours, learning_rate), keras.optimizers.Adam(learning_rate, epsilon=1e-8)
    reference.build(theirs)
    for _ in range(30):
        gradients = [
            tf.constant((rng.normal(size=v.shape) * 10 ** rng.uniform(-1, 2)).astype(np.float32)) for v in start
        ]
        adam.apply(gradients)
        reference.apply(gradients, theirs)
    for one, other, before in zip(ours, theirs, start, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-2 * learning_rate)
        assert np.abs(one - before).max() > learning_rate  # it went somewhere


def test_the_first_step_is_the_learning_rate_whatever_the_gradient() -> None:
    """m̂ = g and v̂ = g², so each weight moves by α against the sign; one without a gradient stays."""
    weights = tf.Variable([1.0, 1.0, 1.0, 1.0])
    Adam([weights], 0.01).apply([tf.constant([1e-4, -3.0, 2e4, 0.0])])
    np.testing.assert_allclose(weights, [0.99, 1.01, 0.99, 1.0], rtol=1e-5)


def test_two_steps_by_hand() -> None:
    """g = 1, then 3: m̂ = (0.09 + 0.3) / 0.19 and v̂ = (0.000999 + 0.009) / 0.001999."""
    weights = tf.Variable(0.0)
    adam = Adam([weights], 1.0)
    adam.apply([tf.constant(1.0)])
    adam.apply([tf.constant(3.0)])
    assert float(weights) == pytest.approx(-1.0 - (0.39 / 0.19) / np.sqrt(0.009999 / 0.001999), rel=1e-5)


def test_it_counts_its_steps_inside_a_graph() -> None:
    weights = tf.Variable(0.0)
    step = tf.function(Adam([weights], 0.5).apply)
    for _ in range(3):
        step([tf.constant(2.0)])
    assert float(weights) == pytest.approx(-1.5, rel=1e-5)  # a steady gradient moves it by α each time
