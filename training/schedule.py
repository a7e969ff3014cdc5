"""The one-cycle learning rate: up in a line, down in half a cosine, once."""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf


class OneCycle(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]  # Keras has no types
    """From `peak` / 50 up to `peak` over `warmup_share` of `total_steps`, then down to `peak` / 1000 at the end.

    Source: Smith and Topin, "Super-Convergence" (2018), with the cosine in place of the second line.
    """

    def __init__(self, peak: float, total_steps: int, warmup_share: float) -> None:
        self.peak = peak
        self.total_steps = total_steps
        self.warmup_share = warmup_share

    def __call__(self, step: Any) -> Any:
        progress = tf.minimum(tf.cast(step, tf.float32) / self.total_steps, 1.0)
        rise = tf.maximum(progress / max(self.warmup_share, 1e-6), 0.02)
        descent = (progress - self.warmup_share) / (1.0 - self.warmup_share)
        fall = tf.maximum(0.5 * (1.0 + tf.cos(math.pi * descent)), 1e-3)
        return self.peak * tf.where(progress < self.warmup_share, rise, fall)

    def get_config(self) -> dict[str, Any]:
        return {"peak": self.peak, "total_steps": self.total_steps, "warmup_share": self.warmup_share}
