"""Pooling against TensorFlow's own on random shapes, values and gradients, and by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from training.errors import ConfigurationError
from training.first_principles.pooling import average_pool, max_pool


@st.composite
def cases(draw: st.DrawFn) -> tuple[Any, int, int]:
    """Pictures without two equal values, so that each window has one largest, with a size and a stride that fit."""
    size, stride = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    sides = [size + stride * draw(st.integers(0, 4)) for _ in range(2)]
    shape = (draw(st.integers(1, 3)), *sides, draw(st.integers(1, 3)))
    values = np.random.default_rng(draw(st.integers(0, 2**32 - 1))).permutation(np.prod(shape))
    return (values.reshape(shape) / 10.0).astype(np.float32), size, stride


@settings(max_examples=25)
@given(cases())
def test_it_is_the_pooling_of_tensorflow(case: tuple[Any, int, int]) -> None:
    images, size, stride = case
    for ours, theirs in ((max_pool, tf.nn.max_pool2d), (average_pool, tf.nn.avg_pool2d)):
        x = tf.constant(images)
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(x)
            found, wanted = ours(x, size, stride), theirs(x, size, stride, "VALID")
            squares = [tf.reduce_sum(outputs**2) for outputs in (found, wanted)]
        np.testing.assert_allclose(found, wanted, rtol=1e-5)
        slope, wanted_slope = (tape.gradient(square, x) for square in squares)
        np.testing.assert_allclose(slope, wanted_slope, rtol=1e-4)


def test_by_hand() -> None:
    images = tf.reshape(tf.constant([1.0, 5.0, 2.0, 7.0, 3.0, 8.0, 4.0, 6.0, 9.0]), (1, 3, 3, 1))
    np.testing.assert_array_equal(max_pool(images, 2, 1)[0, :, :, 0], [[7, 8], [7, 9]])
    np.testing.assert_array_equal(average_pool(images, 2, 1)[0, :, :, 0], [[4, 4.5], [5, 6.5]])


def test_the_first_of_equals_gets_the_gradient() -> None:
    images = tf.ones((1, 2, 2, 1))
    with tf.GradientTape() as tape:
        tape.watch(images)
        largest = max_pool(images, 2, 2)
    np.testing.assert_array_equal(tape.gradient(largest, images)[0, :, :, 0], [[1, 0], [0, 0]])


def test_any_number_of_pictures_in_one_graph() -> None:
    graph = tf.function(lambda images: max_pool(images, 3, 2), input_signature=[tf.TensorSpec((None, 7, 5, 2))])
    assert graph(tf.ones((4, 7, 5, 2))).shape == (4, 3, 2, 2)
    assert graph(tf.ones((0, 7, 5, 2))).shape == (0, 3, 2, 2)


@pytest.mark.parametrize(
    ("shape", "size", "stride", "fault"),
    [
        ((1, 5, 5, 1), 2, 2, r"size 2, stride 2 .* 5×5 exactly. The nearest that fit: size 1 or 3, stride 1 or 3\.$"),
        ((1, 5, 5, 1), 6, 1, r"The nearest that fit: size 5\.$"),
        ((5, 5, 1), 2, 1, r"images must be \(N, height, width, channels\), not \(5, 5, 1\)"),
        ((1, 5, 5, 1), 0, 1, "size must be at least 1"),
    ],
)
def test_what_does_not_fit_is_named(shape: tuple[int, ...], size: int, stride: int, fault: str) -> None:
    for pool in (max_pool, average_pool):
        with pytest.raises(ConfigurationError, match=fault):
            pool(tf.ones(shape), size, stride)
