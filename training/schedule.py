"""How the learning rate changes over a run: by name, and the one-cycle, which Keras does not have."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import keras
from keras import ops

if TYPE_CHECKING:
    from training.config import TrainingConfig

_FADES_TO = 0.01  # of the exponential: what is left of the rate at the end
_STEPS = ((0.5, 0.1), (0.75, 0.01))  # of the step schedule: from this share of the run on, this part of the rate


def learning_rate(config: TrainingConfig, total_steps: int) -> Any:
    """The rate as `config` says, a number or a Keras schedule over `total_steps`.

    `cosine` falls in half a cosine to 0 (Loshchilov and Hutter, "SGDR", 2016, without restarts). `step` is a tenth of
    the rate from the half on and a hundredth from three quarters on (He et al., "Deep Residual Learning", 2015, section
    4.2). `exponential` falls to a hundredth, by the same factor each step.
    """
    rate = config.learning_rate
    schedules = keras.optimizers.schedules
    match config.schedule:
        case "one-cycle":
            return OneCycle(rate, total_steps, config.warmup_share)
        case "cosine":
            return schedules.CosineDecay(rate, total_steps)
        case "step":
            # Keras keeps a rate up to its boundary, and this one included.
            boundaries = [max(0, math.ceil(share * total_steps) - 1) for share, _ in _STEPS]
            return schedules.PiecewiseConstantDecay(boundaries, [rate, *(part * rate for _, part in _STEPS)])
        case "exponential":
            return schedules.ExponentialDecay(rate, total_steps, _FADES_TO)
        case _:
            return rate


class OneCycle(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]  # Keras has no types
    """From `peak` / 50 up to `peak` over `warmup_share` of `total_steps`, then down to `peak` / 1000 at the end.

    Source: Smith and Topin, "Super-Convergence" (2018), with the cosine in place of the second line.
    """

    def __init__(self, peak: float, total_steps: int, warmup_share: float) -> None:
        self.peak = peak
        self.total_steps = total_steps
        self.warmup_share = warmup_share

    def __call__(self, step: Any) -> Any:
        progress = ops.minimum(ops.cast(step, "float32") / self.total_steps, 1.0)
        rise = ops.maximum(progress / max(self.warmup_share, 1e-6), 0.02)
        descent = (progress - self.warmup_share) / (1.0 - self.warmup_share)
        fall = ops.maximum(0.5 * (1.0 + ops.cos(math.pi * descent)), 1e-3)
        return self.peak * ops.where(progress < self.warmup_share, rise, fall)

    def get_config(self) -> dict[str, Any]:
        return {"peak": self.peak, "total_steps": self.total_steps, "warmup_share": self.warmup_share}
