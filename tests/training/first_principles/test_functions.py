"""The functions against TensorFlow's own, values and gradients, and at the ends of what float32 can hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from training.first_principles.convolution import conv2d
from training.first_principles.functions import cross_entropy, dense, relu, sigmoid, softmax

LARGEST = float(np.finfo(np.float32).max)
Pair = tuple[Callable[[Any], Any], Callable[[Any], Any]]


def matrices(bound: float) -> st.SearchStrategy[Any]:
    shapes = arrays.array_shapes(min_dims=2, max_dims=2, max_side=6)
    values = st.floats(-bound, bound, width=32, allow_subnormal=False)
    return arrays.arrays(np.float32, shapes, elements=values)


def slope(function: Callable[[Any], Any], values: Any) -> Any:
    """The gradient of a sum in which each output has a weight of its own."""
    x = tf.constant(values)
    with tf.GradientTape() as tape:
        tape.watch(x)
        outputs = function(x)
        total = tf.reduce_sum(outputs * np.arange(1.0, 1.0 + outputs.numpy().size).reshape(outputs.shape))
    return tape.gradient(total, x)


@pytest.mark.parametrize("pair", [(relu, tf.nn.relu), (sigmoid, tf.math.sigmoid), (softmax, tf.nn.softmax)])
@settings(max_examples=25)
@given(x=matrices(50.0))
def test_they_are_those_of_tensorflow(pair: Pair, x: Any) -> None:
    ours, theirs = pair
    np.testing.assert_allclose(ours(x), theirs(x), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(slope(ours, x), slope(theirs, x), rtol=1e-4, atol=1e-5)


def test_relu_at_zero_and_what_is_no_number() -> None:
    np.testing.assert_array_equal(relu([-2.0, 0.0, 3.0]), [0.0, 0.0, 3.0])
    np.testing.assert_array_equal(slope(relu, [-2.0, 0.0, 3.0]), [0.0, 0.0, 3.0])  # weights 1, 2 and 3
    assert np.isnan(relu([np.nan]))  # a fault must not vanish here


@given(x=matrices(LARGEST))
def test_softmax_is_finite_and_one_in_sum_for_whatever_float32_holds(x: Any) -> None:
    probabilities = softmax(x).numpy()
    assert np.isfinite(probabilities).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-5)
    assert (probabilities.argmax(axis=1) == x.argmax(axis=1)).all()


def test_softmax_of_large_logits() -> None:
    np.testing.assert_array_equal(softmax([[1e4, -1e4]]), [[1.0, 0.0]])
    np.testing.assert_array_equal(softmax([[1e4, 1e4], [-1e4, -1e4]]), [[0.5, 0.5], [0.5, 0.5]])
    np.testing.assert_array_equal(softmax([[LARGEST, -LARGEST]]), [[1.0, 0.0]])
    np.testing.assert_array_equal(slope(softmax, [[1e4, -1e4]]), [[0.0, 0.0]])


@settings(max_examples=25)
@given(x=matrices(50.0), data=st.data())
def test_cross_entropy_is_that_of_tensorflow(x: Any, data: st.DataObject) -> None:
    labels = data.draw(arrays.arrays(np.int64, len(x), elements=st.integers(0, x.shape[1] - 1)))
    targets = np.eye(x.shape[1], dtype=np.float32)[labels]
    for wanted in (targets, 0.9 * targets + 0.1 / x.shape[1]):  # one-hot, and smoothed

        def ours(logits: Any, wanted: Any = wanted) -> Any:
            return cross_entropy(wanted, logits)

        def theirs(logits: Any, wanted: Any = wanted) -> Any:
            return tf.nn.softmax_cross_entropy_with_logits(wanted, logits)

        np.testing.assert_allclose(ours(x), theirs(x), rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(slope(ours, x), slope(theirs, x), rtol=1e-4, atol=1e-4)


def test_cross_entropy_by_hand() -> None:
    """Even odds among four cost ln 4; a sure answer costs nothing when right, and its margin when wrong."""
    np.testing.assert_allclose(cross_entropy([[0.0, 1.0, 0.0, 0.0]], [[7.0] * 4]), [np.log(4.0)], rtol=1e-6)
    np.testing.assert_array_equal(cross_entropy([[1.0, 0.0], [0.0, 1.0]], [[1e4, -1e4]] * 2), [0.0, 2e4])


@given(x=matrices(LARGEST))
def test_cross_entropy_is_finite_for_whatever_float32_holds(x: Any) -> None:
    labels = np.eye(x.shape[1], dtype=np.float32)[np.zeros(len(x), np.int64)]
    loss = cross_entropy(labels, x).numpy()
    assert np.isfinite(loss).all()
    assert (loss >= 0).all()
    assert np.isfinite(slope(lambda logits: cross_entropy(labels, logits), x)).all()


def test_the_slope_of_cross_entropy_is_softmax_less_labels(rng: np.random.Generator) -> None:
    logits, labels = rng.normal(size=(1, 5)).astype(np.float32), np.eye(5, dtype=np.float32)[2:3]
    found = slope(lambda z: cross_entropy(labels, z), logits)
    np.testing.assert_allclose(found, softmax(logits) - labels, rtol=1e-5, atol=1e-6)


def test_dense_by_hand() -> None:
    x, kernel, bias = tf.constant([[1.0, 2.0]]), tf.constant([[1.0, 0.0, 3.0], [0.0, 1.0, -1.0]]), [10.0, 20.0, 30.0]
    np.testing.assert_array_equal(dense(x, kernel, bias), [[11.0, 22.0, 31.0]])
    np.testing.assert_array_equal(dense(x, kernel), [[1.0, 2.0, 1.0]])


@pytest.mark.parametrize("shape", [(5, 5, 1), (4, 7, 3), (1, 1, 6)])
def test_a_dense_layer_is_a_convolution_whose_kernel_is_as_large_as_its_input(
    shape: tuple[int, int, int], rng: np.random.Generator
) -> None:
    """The same weights, laid out as a picture: values and gradients are the same."""
    images = tf.constant(rng.normal(size=(3, *shape)).astype(np.float32))
    kernel = tf.constant(rng.normal(size=(*shape, 8)).astype(np.float32))
    bias = tf.constant(rng.normal(size=8).astype(np.float32))

    def connected(images: Any, kernel: Any, bias: Any) -> Any:
        return dense(tf.reshape(images, (3, -1)), tf.reshape(kernel, (-1, 8)), bias)

    def convolved(images: Any, kernel: Any, bias: Any) -> Any:
        outputs = conv2d(images, kernel, bias)
        assert outputs.shape == (3, 1, 1, 8)
        return tf.reshape(outputs, (3, 8))

    found = []
    for layer in (connected, convolved):
        with tf.GradientTape() as tape:
            tape.watch((images, kernel, bias))
            outputs = layer(images, kernel, bias)
            total = tf.reduce_sum(outputs**2)
        found.append([outputs, *tape.gradient(total, (images, kernel, bias))])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)
