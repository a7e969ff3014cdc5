"""What a version's card and the labels say, as metrics: what its predictions in service are compared with.

A gauge that several processes share cannot be taken back. So these stay when a version has gone, and whoever reads
them asks `digits_model_info` which versions are there.
"""

from __future__ import annotations

from typing import Any

from service import logs, metrics
from service.catalogue import NO_OFFER, ModelVersion, Offer

log = logs.get(__name__)

PARTS = ("validation", "test")


def describe(version: ModelVersion) -> None:
    """Export accuracy, calibration error and predicted digits; what the card leaves out is not exported."""
    try:
        _describe(version.name, str(version.version), version.labels, version.card.get("metrics", {}))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # A card written by somebody else may hold anything here, and its model serves all the same.
        log.warning("card_not_measured", model=version.name, version=version.version, reason=str(error))


def _describe(name: str, number: str, labels: list[str], measured: dict[str, Any]) -> None:
    for part in PARTS:
        found = measured.get(part, {})
        if "accuracy" in found:
            metrics.MODEL_ACCURACY.labels(name, number, part).set(found["accuracy"])
        if "ece" in found:
            metrics.MODEL_CALIBRATION_ERROR.labels(name, number, part).set(found["ece"])
    # Rows are the true classes, columns the predicted ones: what is compared is what it says, right or wrong.
    matrix = measured.get("validation", {}).get("confusion_matrix", [])
    pictures = sum(map(sum, matrix))
    if pictures:
        for label, column in zip(labels, zip(*matrix, strict=True), strict=True):
            metrics.VALIDATION_SHARE.labels(name, number, label).set(sum(column) / pictures)


def label(model: str, before: Offer, now: Offer | None) -> None:
    """Export where the labels of `model` point `now`; None: the model has gone."""
    labels = (now or NO_OFFER).labels
    for name, version in before.labels.items():
        if labels.get(name) != version:
            metrics.MODEL_LABEL.labels(model, str(version), name).set(0)
    for name, version in labels.items():
        metrics.MODEL_LABEL.labels(model, str(version), name).set(1)
