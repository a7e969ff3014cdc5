"""Making confidence mean what it says, and knowing what is no digit. NumPy alone; fitted on validation data alone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from training.metrics import expected_calibration_error, negative_log_likelihood

if TYPE_CHECKING:
    from numpy.typing import NDArray

KEEP_SHARE = 0.97
_GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0


def softmax(logits: NDArray[Any], temperature: float = 1.0) -> NDArray[np.float64]:
    """Probabilities (N, K) of logits (N, K) divided by `temperature`; does not overflow."""
    scaled = logits.astype(np.float64) / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def energy(logits: NDArray[Any], temperature: float = 1.0) -> NDArray[np.float64]:
    """-T · ln Σ exp(logit / T), (N,): low for what resembles the training data, high for what does not.

    Source: Liu et al., "Energy-based Out-of-distribution Detection" (2020), equation 4.
    """
    scaled = logits.astype(np.float64) / temperature
    top = scaled.max(axis=1)
    return -temperature * (top + np.log(np.exp(scaled - top[:, None]).sum(axis=1)))


def fit_temperature(logits: NDArray[Any], labels: NDArray[np.uint8]) -> float:
    """The temperature in [0.05, 20] that makes the labels most likely, given logits (N, K) and labels (N,).

    The negative log-likelihood is convex in 1 / T, hence has one minimum, which golden-section search on ln T finds.
    Source: Guo et al., "On Calibration of Modern Neural Networks" (2017), section 4.2.
    """

    def loss(log_temperature: float) -> float:
        return negative_log_likelihood(softmax(logits, math.exp(log_temperature)), labels)

    low, high = math.log(0.05), math.log(20.0)
    while high - low > 1e-5:
        width = _GOLDEN * (high - low)
        if loss(high - width) <= loss(low + width):
            high = low + width
        else:
            low = high - width
    return math.exp((low + high) / 2)


def calibration_document(
    logits: NDArray[Any], labels: NDArray[np.uint8], temperature: float, fitted_on: str = "validation"
) -> dict[str, Any]:
    """The card's `calibration`: the temperature, and what it changed on the pictures it was fitted on."""
    before, after = softmax(logits), softmax(logits, temperature)
    return {
        "method": "temperature",
        "temperature": temperature,
        "fitted_on": fitted_on,
        "ece_before": expected_calibration_error(before, labels),
        "ece_after": expected_calibration_error(after, labels),
        "loss_before": negative_log_likelihood(before, labels),
        "loss_after": negative_log_likelihood(after, labels),
    }


def rejection_document(
    probabilities: NDArray[Any], energies: NDArray[Any], fitted_on: str = "validation"
) -> dict[str, Any]:
    """The card's `rejection`: thresholds that each keep `KEEP_SHARE` of the pictures given, all of them digits.

    A picture is rejected when its energy lies above the one threshold, or when its largest probability lies below the
    other. `probabilities` (N, K) and `energies` (N,) are as served; `fitted_on` says of which pictures.
    """
    return {
        "keep_share": KEEP_SHARE,
        "fitted_on": fitted_on,
        "energy": {"reject_above": _keeping(energies)},
        "max_probability": {"reject_below": -_keeping(-probabilities.max(axis=1))},
    }


def _keeping(values: NDArray[Any]) -> float:
    """The smallest of `values` that at least `KEEP_SHARE` of them do not exceed."""
    return float(np.quantile(values, KEEP_SHARE, method="inverted_cdf"))
