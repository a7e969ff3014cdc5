"""The models of the tiny engine: cards, signatures, and what they compute with NumPy instead of a net."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from service.catalogue import ModelVersion, Signature, TensorInfo

CARD: dict[str, Any] = {
    "labels": [str(digit) for digit in range(10)],
    "input": {"shape": [28, 28, 1], "dtype": "uint8", "preparation": "mnist"},
    "dataset": {"name": "mnist"},
    "architecture": {
        "parameters": 1234,
        "macs": 5678,
        "layers": [{"name": "logits", "type": "dense", "output_shape": [10], "parameters": 1234, "macs": 5678}],
    },
    "metrics": {"test": {"accuracy": 0.99}},
}
CNN = ModelVersion("cnn", 1, "available", None, CARD)

_IMAGES = TensorInfo("images:0", "DT_UINT8", (-1, 28, 28, 1))
_METHOD = "tensorflow/serving/predict"
SIGNATURES = {
    "serving_default": Signature(
        {"images": _IMAGES},
        {
            "probabilities": TensorInfo("probabilities:0", "DT_FLOAT", (-1, 10)),
            "energy": TensorInfo("energy:0", "DT_FLOAT", (-1,)),
        },
        _METHOD,
    ),
    "saliency": Signature(
        {"images": _IMAGES, "classes": TensorInfo("classes:0", "DT_INT32", (-1,))},
        {"maps": TensorInfo("maps:0", "DT_FLOAT", (-1, 28, 28))},
        _METHOD,
    ),
    "filters": Signature(
        {},
        {
            "conv/kernel": TensorInfo("kernel:0", "DT_FLOAT", (3, 3, 1, 2)),
            "conv/bias": TensorInfo("bias:0", "DT_FLOAT", (2,)),
        },
        _METHOD,
    ),
}
PROBED = ModelVersion("cnn", 1, "available", None, CARD, SIGNATURES)

Tensors = dict[str, npt.NDArray[Any]]
Answer = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]


def classify(images: npt.NDArray[np.uint8], classes: int = 10) -> Answer:
    """Probabilities (N, classes) and energies (N): every pixel of a picture counts, no two of its classes tie."""
    sums = images.reshape(len(images), -1).astype(np.int64).sum(axis=1, keepdims=True)
    weights = ((sums + 7 * np.arange(classes)) % classes + 1.0) ** 2
    probabilities = weights / weights.sum(axis=1, keepdims=True)
    return probabilities.astype(np.float32), (-sums[:, 0] / 1000).astype(np.float32)


def saliency(images: npt.NDArray[np.uint8], classes: npt.NDArray[np.int32]) -> Tensors:
    """`maps`, float32 (N, 28, 28): the pictures themselves, stronger for a higher class."""
    strength = (classes.astype(np.float32) + 1).reshape(-1, 1, 1)
    return {"maps": images[..., 0].astype(np.float32) / 255 * strength}


def filters() -> Tensors:
    """`conv/kernel`, float32 (3, 3, 1, 2), and `conv/bias`, float32 (2)."""
    kernel = np.linspace(-1, 1, 18, dtype=np.float32).reshape(3, 3, 1, 2)
    return {"conv/kernel": kernel, "conv/bias": np.array([0.5, -0.5], np.float32)}


def _serving_default(images: npt.NDArray[np.uint8]) -> Tensors:
    probabilities, energy = classify(images)
    return {"probabilities": probabilities, "energy": energy}


FUNCTIONS: dict[str, Callable[..., Tensors]] = {
    "serving_default": _serving_default,
    "saliency": saliency,
    "filters": filters,
}
