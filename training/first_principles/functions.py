"""The functions between and after convolutions."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def relu(x: Any) -> Any:
    """max(0, x), of any shape. Its slope at 0 counts as 0, as in `tf.nn.relu`; `tf.maximum` would make it 1."""
    x = tf.convert_to_tensor(x)
    return tf.where(x <= 0, tf.zeros_like(x), x)


def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)), of any shape, as (1 + tanh(x / 2)) / 2, which is the same and overflows nowhere."""
    return 0.5 + 0.5 * tf.tanh(0.5 * x)


def dense(x: Any, kernel: Any, bias: Any = None) -> Any:
    """x·kernel + bias: (N, D) to (N, U), by a kernel (D, U) and a bias (U,); every output sees every input."""
    sums = tf.linalg.matmul(x, kernel)
    return sums if bias is None else sums + bias


def softmax(logits: Any) -> Any:
    """exp(z_k) / Σ exp(z_j) over the last axis: positive, and 1 in sum.

    The largest logit is taken off first, which changes nothing, since it cancels, and leaves no exponent above 0: no
    finite logit overflows. Source: Goodfellow, Bengio and Courville, "Deep Learning" (2016), section 4.1.
    """
    powers = tf.exp(_below_zero(logits))
    return powers / tf.reduce_sum(powers, axis=-1, keepdims=True)


def cross_entropy(labels: Any, logits: Any) -> Any:
    """-Σ y_k · ln softmax(z)_k for each picture, (N,), in nats; `labels` one-hot or probabilities (N, K).

    ln softmax(z)_k = z_k - ln Σ exp(z_j), the sum again with the largest logit taken off: no logarithm meets a 0, as it
    would in ln(softmax(z)). Its gradient is softmax(z) - y. Source: the same book, section 6.2.2.3.
    """
    shifted = _below_zero(logits)
    log_sum = tf.math.log(tf.reduce_sum(tf.exp(shifted), axis=-1, keepdims=True))
    return -tf.reduce_sum(labels * (shifted - log_sum), axis=-1)


def _below_zero(logits: Any) -> Any:
    """The logits less the largest of each picture; finite for any finite logits."""
    logits = tf.convert_to_tensor(logits)
    # The largest cancels in whatever is made of this, so it needs no gradient: the two it would add up cancel as well.
    shifted = logits - tf.stop_gradient(tf.reduce_max(logits, axis=-1, keepdims=True))
    # From 3e38 down to -3e38 is farther than a float32 reaches, and -∞ times a label of 0 would be no number.
    return tf.maximum(shifted, shifted.dtype.min)
