"""What is minimised: which digit it is, and whether it is one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
from keras import ops

if TYPE_CHECKING:
    from training.config import TrainingConfig


def training_loss(config: TrainingConfig) -> Any:
    """What `config` minimises: the plain softmax cross-entropy, or the open-set one where there are outliers."""
    if config.outlier_share:
        return OpenSetCrossentropy(config.label_smoothing)
    return keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=config.label_smoothing)


class OpenSetCrossentropy(keras.losses.Loss):  # type: ignore[misc]  # Keras has no types
    """Cross-entropy over the K classes and one more, "none of them", whose logit is fixed at 0.

    With logits z (N, K) and E = -ln Σ exp(z), the energy, a picture of class y costs -z_y + ln(1 + exp(-E)) and one that
    shows none of the classes, whose target is all zeros, ln(1 + exp(-E)). "None of them" thus has the probability
    1 / (1 + exp(-E)): training makes the energy low for digits and high for the rest, while the served softmax over
    the K classes is the usual one. `smoothing` of a digit's target is spread over the K classes.

    The energy as a score: Liu et al., "Energy-based Out-of-distribution Detection" (2020). Outliers in training:
    Hendrycks et al., "Deep Anomaly Detection with Outlier Exposure" (2019). The logistic loss on the energy: Du et al.,
    "VOS: Learning What You Don't Know by Virtual Outlier Synthesis" (2022), equation 6, here with the slope fixed at 1.
    """

    def __init__(self, smoothing: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.smoothing = smoothing

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of each picture, (N,)."""
        classes = y_pred.shape[1]
        known = ops.sum(y_true, axis=1, keepdims=True)  # 1 for a digit, 0 for anything else
        smoothed = (1.0 - self.smoothing) * y_true + self.smoothing / classes * known
        none = ops.zeros_like(y_pred[:, :1])
        return ops.logsumexp(ops.concatenate([y_pred, none], axis=1), axis=1) - ops.sum(smoothed * y_pred, axis=1)


class DigitAccuracy(keras.metrics.Mean):  # type: ignore[misc]  # Keras has no types
    """The share of digits recognised; pictures that are none do not count."""

    def __init__(self, name: str = "accuracy", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # noqa: ARG002
        """Count a batch of targets (N, K), all zeros for no digit, and logits (N, K)."""
        right = ops.equal(ops.argmax(y_true, axis=1), ops.argmax(y_pred, axis=1))
        super().update_state(ops.cast(right, "float32"), sample_weight=ops.sum(y_true, axis=1))
