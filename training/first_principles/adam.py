"""Adam, written out.

    m ← β₁·m + (1 - β₁)·g        a moving mean of the gradient
    v ← β₂·v + (1 - β₂)·g²       and of its square, both from 0 on
    θ ← θ - α · m̂ / (√v̂ + ε)     where m̂ = m / (1 - β₁ᵗ) and v̂ = v / (1 - β₂ᵗ) make up for the start at 0

Source: Kingma and Ba, "Adam: A Method for Stochastic Optimization" (2015), algorithm 1.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import tensorflow as tf

if TYPE_CHECKING:
    from collections.abc import Sequence


class Adam:
    """Moves `variables` (θ) against their gradients, each weight by about the learning rate (α) at first.

    May be called inside a `tf.function`. β₁, β₂ and ε are the paper's.
    """

    def __init__(
        self,
        variables: Sequence[Any],
        learning_rate: float,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
    ) -> None:
        self.learning_rate, self.beta_1, self.beta_2, self.epsilon = learning_rate, beta_1, beta_2, epsilon
        self._variables = tuple(variables)
        self._means = [tf.Variable(tf.zeros_like(variable)) for variable in self._variables]  # m
        self._squares = [tf.Variable(tf.zeros_like(variable)) for variable in self._variables]  # v
        self._steps = tf.Variable(0.0)  # t

    def apply(self, gradients: Sequence[Any]) -> None:
        """One step; `gradients` in the order of the variables, each of its variable's shape."""
        steps = self._steps.assign_add(1.0)
        mean_share, square_share = _one_minus_power(self.beta_1, steps), _one_minus_power(self.beta_2, steps)
        for variable, mean, square, gradient in zip(
            self._variables, self._means, self._squares, gradients, strict=True
        ):
            mean.assign(self.beta_1 * mean + (1.0 - self.beta_1) * gradient)
            square.assign(self.beta_2 * square + (1.0 - self.beta_2) * gradient**2)
            step = (mean / mean_share) / (tf.sqrt(square / square_share) + self.epsilon)
            variable.assign_sub(self.learning_rate * step)


def _one_minus_power(beta: float, steps: Any) -> Any:
    """1 - βᵗ. By `expm1`, since 0.999 is so close to 1 that in float32 the difference would keep four digits."""
    return -tf.math.expm1(steps * math.log(beta))
