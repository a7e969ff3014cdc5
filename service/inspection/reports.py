"""How a version came about and how good it is, out of its card; and several versions side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

from service.catalogue import ModelVersion
from service.errors import NotApplicableError
from service.inspection.extras import FOLDER

_PARTS: Final = ("dataset", "hyperparameters", "seed", "history", "metrics", "calibration", "rejection", "command")
_Z95: Final = 1.959964  # of a normal distribution, two-sided


def document(version: ModelVersion) -> dict[str, Any]:
    """What the card tells of the training and of the scores: history, confusion matrix, per class, calibration.

    :raise NotApplicableError: the version has no card.
    """
    card = version.card
    if "metrics" not in card:
        raise NotApplicableError(
            f"{version.name}/{version.version} came without a card that tells of it", field="model"
        )
    return {
        "model": version.name,
        "version": version.version,
        "created": card.get("created"),
        "labels": version.labels,
        **{part: card[part] for part in _PARTS if part in card},
    }


def comparison(versions: Sequence[ModelVersion]) -> list[dict[str, Any]]:
    """The figures by which versions are compared, in the order given."""
    return [_figures(version) for version in versions]


def wilson_interval(right: int, total: int) -> tuple[float, float]:
    """Between which shares the true accuracy lies in 95 of 100 cases.

    Source: Wilson, "Probable Inference, the Law of Succession, and Statistical Inference" (1927).
    """
    share, z = right / total, _Z95
    middle = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total)) / (1 + z * z / total)
    return middle - half, middle + half


def _model_bytes(card: dict[str, Any]) -> int:
    """Of the model itself: what lies beside it for people to look at does not count."""
    return sum(file["bytes"] for path, file in card.get("files", {}).items() if not path.startswith(f"{FOLDER}/"))


def _figures(version: ModelVersion) -> dict[str, Any]:
    card = version.card
    test = card.get("metrics", {}).get("test", {})
    history = card.get("history", [])
    seconds = [epoch["seconds"] for epoch in history if "seconds" in epoch]
    figures = {
        "model": version.name,
        "version": version.version,
        "state": version.state,
        "dataset": card.get("dataset", {}).get("name"),
        "parameters": card.get("architecture", {}).get("parameters"),
        "macs": card.get("architecture", {}).get("macs"),
        "size_bytes": _model_bytes(card) or None,
        "test_accuracy": test.get("accuracy"),
        "test_accuracy_interval": list(wilson_interval(test["correct"], test["total"])) if test.get("total") else None,
        "validation_accuracy": card.get("metrics", {}).get("validation", {}).get("accuracy"),
        "test_loss": test.get("loss"),
        "ece": test.get("ece"),
        "epochs": len(history) or None,
        "seconds_per_epoch": sum(seconds) / len(seconds) if seconds else None,
        "hyperparameters": card.get("hyperparameters"),
    }
    return {key: value for key, value in figures.items() if value is not None}
