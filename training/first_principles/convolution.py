"""Two-dimensional convolution by unrolling the kernel into a matrix.

What deep learning calls convolution is cross-correlation: the kernel is laid on the picture as it is, not flipped.

    output[a, b, f] = bias[f] + Σ kernel[k, l, c, f] · picture[a·s + k - p, b·s + l - p, c]   over k, l, c

for stride s and p zeros around the picture. Each output is a weighted sum of the picture's values, so all outputs
together are one matrix times the picture written as a vector. The matrix is doubly blocked Toeplitz: blocks repeat along
its diagonals, and so do the weights inside each block. Source: Goodfellow, Bengio and Courville, "Deep Learning"
(2016), section 9.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from training.errors import ConfigurationError
from training.first_principles.geometry import Padding, Slide, slides

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def unrolled_kernel(kernel: Any, input_shape: Sequence[int], stride: int = 1, padding: Padding = 0) -> Any:
    """The matrix (H'·W'·F, H·W·C) that takes a picture (H, W, C) to its convolution (H', W', F), both as vectors.

    `kernel` is (k_h, k_w, C, F), the filters last. A vector runs over rows, then columns, then channels. Zeros around
    the picture take no memory: a weight that would meet one has no column. The matrix grows with the square of the
    picture, nearly all of it zeros; `conv2d` computes with its distinct blocks alone. Raises `ConfigurationError`.
    """
    down, across = _slides(kernel, input_shape, stride, padding)
    blocks = kernel_blocks(kernel, across)
    # Block (a, y) is the one of kernel row k = y - a·s + p, and zero where there is no such row.
    matrix = tf.einsum("aky,kmn->amyn", tf.constant(selection(down), blocks.dtype), blocks)
    outputs, inputs = blocks.shape[1:]
    return tf.reshape(matrix, (down.places * outputs, down.side * inputs))


def kernel_blocks(kernel: Any, across: Slide) -> Any:
    """The distinct blocks of the matrix (k_h, W'·F, W·C): what each row of the kernel makes of a row of the picture.

    A block is Toeplitz itself: weight l stands where output column b meets input column x = b·s + l - p.
    """
    kernel = tf.convert_to_tensor(kernel)
    height, _, channels, filters = kernel.shape
    blocks = tf.einsum("blx,klcf->kbfxc", tf.constant(selection(across), kernel.dtype), kernel)
    return tf.reshape(blocks, (height, across.places * filters, across.side * channels))


def selection(slide: Slide) -> NDArray[np.float32]:
    """Zeros and ones (places, window, side): 1 where, with the window at that place, that tap lies on that pixel."""
    place, tap, pixel = np.ogrid[: slide.places, : slide.window, : slide.side]
    return (pixel == place * slide.stride + tap - slide.before).astype(np.float32)


def conv2d(images: Any, kernel: Any, bias: Any = None, stride: int = 1, padding: Padding = 0) -> Any:
    """Pictures (N, H, W, C) to (N, H', W', F), by a kernel (k_h, k_w, C, F) and one bias (F,) for each filter.

    The product with `unrolled_kernel` without its zero blocks: output row a is Σ block k · picture row a·s + k - p over
    the k_h rows of the kernel, so that the picture's rows are lined up k_h at a time and multiplied by the blocks side
    by side. N may be unknown, H, W and C may not. Raises `ConfigurationError`.
    """
    images = tf.convert_to_tensor(images)
    down, across = _slides(kernel, images.shape[1:], stride, padding)
    blocks = kernel_blocks(kernel, across)
    height, outputs, inputs = blocks.shape
    rows = tf.reshape(images, (-1, down.side, inputs))  # (N, H, W·C)
    rows = tf.pad(rows, ((0, 0), (down.before, max(down.after, 0)), (0, 0)))
    end = (down.places - 1) * stride + 1
    met = tf.concat([rows[:, k : k + end : stride] for k in range(height)], axis=2)  # (N, H', k_h·W·C)
    matrix = tf.reshape(tf.transpose(blocks, (0, 2, 1)), (height * inputs, outputs))
    # One product of two matrices; with the rows still apart it would be one for each picture.
    sums = tf.linalg.matmul(tf.reshape(met, (-1, height * inputs)), matrix)
    filters = outputs // across.places
    sums = tf.reshape(sums, (-1, down.places, across.places, filters))
    return sums if bias is None else sums + bias


def _slides(kernel: Any, input_shape: Sequence[int], stride: int, padding: Padding) -> tuple[Slide, Slide]:
    if len(kernel.shape) != 4:
        raise ConfigurationError(f"kernel must be (height, width, channels, filters), not {tuple(kernel.shape)}.")
    if len(input_shape) != 3 or None in tuple(input_shape):
        raise ConfigurationError(f"the picture must be (height, width, channels), all known, not {tuple(input_shape)}.")
    if kernel.shape[2] != input_shape[2]:
        raise ConfigurationError(f"kernel takes {kernel.shape[2]} channels and the picture has {input_shape[2]}.")
    return slides(input_shape[:2], kernel.shape[:2], stride, padding)
