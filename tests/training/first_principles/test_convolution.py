"""Convolution by the unrolled kernel: figures by hand, and TensorFlow's own convolution on random shapes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from training.errors import ConfigurationError
from training.first_principles.convolution import conv2d, unrolled_kernel
from training.first_principles.geometry import Padding, slides

BY_HAND = [
    (
        [
            [6, 1, 7, 3, 6, 7],
            [3, 2, 2, 8, 6, 1],
            [8, 5, 3, 0, 1, 8],
            [8, 7, 8, 3, 4, 8],
            [5, 4, 7, 3, 6, 4],
            [7, 3, 2, 5, 5, 2],
        ],
        [[0, 3, 0], [-1, 1, 2], [4, 0, 1]],
        0,
        [[41, 57, 40, 26], [49, 35, 59, 55], [57, 35, 37, 36], [64, 50, 30, 45]],
    ),
    ([[1, 2, 3]] * 3, [[2, 1], [2, 1]], 1, [[1, 4, 7, 6], [2, 8, 14, 12], [2, 8, 14, 12], [1, 4, 7, 6]]),
]


@st.composite
def cases(draw: st.DrawFn) -> dict[str, Any]:
    """Pictures, kernel, bias, stride and padding that fit exactly, of any shape; nothing need be square."""
    stride, padding = draw(st.integers(1, 3)), draw(st.sampled_from([0, 1, 2, "valid", "same"]))
    zeros = padding if isinstance(padding, int) else 0
    kernel, sides = [], []
    for _ in range(2):
        size, places = draw(st.integers(1, 4)), draw(st.integers(1, 6))
        kernel.append(size)
        # As many pixels as that many places take; with much padding the least number of places leaves no picture.
        side = size + (places - 1) * stride - 2 * zeros
        sides.append(places if padding == "same" else side + stride * max(0, -((side - 1) // stride)))
    pictures, channels, filters = (draw(st.integers(1, 3)) for _ in range(3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return {
        "images": rng.normal(size=(pictures, *sides, channels)).astype(np.float32),
        "kernel": rng.normal(size=(*kernel, channels, filters)).astype(np.float32),
        "bias": rng.normal(size=filters).astype(np.float32),
        "stride": stride,
        "padding": padding,
    }


def of_tensorflow(images: Any, kernel: Any, bias: Any, stride: int, padding: Padding) -> Any:
    if isinstance(padding, int):
        images, padding = tf.pad(images, ((0, 0), (padding, padding), (padding, padding), (0, 0))), "valid"
    return tf.nn.bias_add(tf.nn.conv2d(images, kernel, stride, padding.upper()), bias)


def by_the_matrix(images: Any, kernel: Any, bias: Any, stride: int, padding: Padding) -> Any:
    matrix = unrolled_kernel(kernel, images.shape[1:], stride, padding)
    down, across = slides(images.shape[1:3], kernel.shape[:2], stride, padding)
    product = tf.linalg.matmul(tf.reshape(images, (images.shape[0], -1)), matrix, transpose_b=True)
    return tf.reshape(product, (-1, down.places, across.places, kernel.shape[3])) + bias


@pytest.mark.parametrize(("picture", "kernel", "padding", "result"), BY_HAND)
@pytest.mark.parametrize("convolve", [conv2d, by_the_matrix])
def test_figures_by_hand(convolve: Any, picture: Any, kernel: Any, padding: int, result: Any) -> None:
    images = tf.constant(picture, tf.float32)[None, :, :, None]
    filters = tf.constant(kernel, tf.float32)[:, :, None, None]
    outputs = convolve(images, filters, tf.zeros(1), stride=1, padding=padding)
    np.testing.assert_array_equal(outputs[0, :, :, 0], result)


def test_the_matrix_by_hand() -> None:
    """A row of three pixels under a kernel of two, with a zero at each end: four outputs."""
    matrix = unrolled_kernel(np.array([[0, 0], [2, 1], [0, 0]], np.float32)[:, :, None, None], (1, 3, 1), padding=1)
    np.testing.assert_array_equal(matrix, [[1, 0, 0], [2, 1, 0], [0, 2, 1], [0, 0, 2]])


@given(cases())
def test_it_is_the_convolution_of_tensorflow(case: dict[str, Any]) -> None:
    expected = of_tensorflow(**case)
    for convolve in (conv2d, by_the_matrix):
        np.testing.assert_allclose(convolve(**case), expected, rtol=1e-4, atol=1e-5)


@settings(max_examples=20)
@given(cases())
def test_gradients_are_those_of_tensorflow(case: dict[str, Any]) -> None:
    expected = gradients(of_tensorflow, case)
    for convolve in (conv2d, by_the_matrix):
        for gradient, wanted in zip(gradients(convolve, case), expected, strict=True):
            np.testing.assert_allclose(gradient, wanted, rtol=1e-3, atol=1e-4)


def gradients(convolve: Any, case: dict[str, Any]) -> list[Any]:
    inputs = [tf.constant(case[name]) for name in ("images", "kernel", "bias")]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        # Squared, so that each output has a slope of its own.
        total = tf.reduce_sum(convolve(*inputs, case["stride"], case["padding"]) ** 2)
    found: list[Any] = tape.gradient(total, inputs)
    return found


def test_each_filter_sees_each_channel(rng: np.random.Generator) -> None:
    """Many channels add up, many filters stand side by side, and no bias is a bias of zero."""
    images = rng.normal(size=(2, 5, 6, 3)).astype(np.float32)
    kernel = rng.normal(size=(2, 3, 3, 4)).astype(np.float32)
    one_by_one = [
        sum(conv2d(images[..., c : c + 1], kernel[:, :, c : c + 1, f : f + 1]) for c in range(3)) for f in range(4)
    ]
    np.testing.assert_allclose(conv2d(images, kernel), np.concatenate(one_by_one, axis=3), rtol=1e-4, atol=1e-5)


def test_any_number_of_pictures_in_one_graph(rng: np.random.Generator) -> None:
    kernel = rng.normal(size=(3, 3, 2, 4)).astype(np.float32)
    graph = tf.function(
        lambda images: conv2d(images, kernel, stride=2), input_signature=[tf.TensorSpec((None, 7, 9, 2))]
    )
    assert graph(np.empty((0, 7, 9, 2), np.float32)).shape == (
        0,
        3,
        4,
        4,
    )  # with oneDNN's kernels TensorFlow says (0, 7, 9, 2)
    for pictures in (1, 5):
        images = rng.normal(size=(pictures, 7, 9, 2)).astype(np.float32)
        np.testing.assert_allclose(graph(images), tf.nn.conv2d(images, kernel, 2, "VALID"), rtol=1e-4, atol=1e-5)


def test_the_matrix_in_double_precision_is_double() -> None:
    assert unrolled_kernel(np.ones((2, 2, 1, 1)), (3, 3, 1)).dtype == tf.float64


@pytest.mark.parametrize(
    ("kernel", "picture", "fault"),
    [
        ((3, 3), (28, 28, 1), r"kernel must be \(height, width, channels, filters\), not \(3, 3\)"),
        ((3, 3, 2, 4), (28, 28, 1), "kernel takes 2 channels and the picture has 1"),
        ((3, 3, 1, 4), (28, 28), r"the picture must be .* not \(28, 28\)"),
        ((3, 3, 1, 4), (None, 28, 1), r"the picture must be .* all known, not \(None, 28, 1\)"),
    ],
)
def test_shapes_that_do_not_go_together_are_named(kernel: Any, picture: Any, fault: str) -> None:
    with pytest.raises(ConfigurationError, match=fault):
        unrolled_kernel(tf.ones(kernel), picture)
