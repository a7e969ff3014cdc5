"""What a card and the labels say is exported, and no card can keep its model from serving."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from service.catalogue import ModelVersion, Offer
from service.engine import card_metrics

LABELS = ["0", "1"]
MEASURED = {
    "validation": {"accuracy": 0.75, "ece": 0.02, "confusion_matrix": [[2, 1], [0, 1]]},
    "test": {"accuracy": 0.7, "ece": 0.03},
}


def version(name: str, measured: Any) -> ModelVersion:
    return ModelVersion(name, 3, "available", None, {"labels": LABELS, "metrics": measured})


def value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


def test_accuracy_and_calibration_error_of_both_parts_are_exported() -> None:
    card_metrics.describe(version("measured", MEASURED))
    labels = {"model": "measured", "version": "3"}
    assert value("digits_model_accuracy_ratio", **labels, part="validation") == 0.75
    assert value("digits_model_accuracy_ratio", **labels, part="test") == 0.7
    assert value("digits_model_calibration_error_ratio", **labels, part="validation") == 0.02
    assert value("digits_model_calibration_error_ratio", **labels, part="test") == 0.03


def test_shares_are_those_of_the_digits_predicted_not_of_the_true_ones() -> None:
    card_metrics.describe(version("shared", MEASURED))
    labels = {"model": "shared", "version": "3"}
    assert value("digits_model_validation_share_ratio", **labels, digit="0") == 0.5
    assert value("digits_model_validation_share_ratio", **labels, digit="1") == 0.5


def test_what_a_card_leaves_out_is_not_exported() -> None:
    card_metrics.describe(version("silent", {"test": {"loss": 0.1}}))
    assert value("digits_model_accuracy_ratio", model="silent", version="3", part="test") is None
    assert value("digits_model_validation_share_ratio", model="silent", version="3", digit="0") is None


@pytest.mark.parametrize(
    "odd",
    [
        None,
        [],
        {"test": 3},
        {"test": {"accuracy": "high"}},
        {"validation": {"confusion_matrix": [[1, 2], [3]]}},
        {"validation": {"confusion_matrix": [[1, 2, 0], [3, 0, 0], [0, 0, 1]]}},
        {"validation": {"confusion_matrix": 7}},
    ],
)
def test_an_odd_card_is_said_and_harms_nothing(odd: Any) -> None:
    with capture_logs() as logged:
        card_metrics.describe(version("odd", odd))
    assert [line["event"] for line in logged] == ["card_not_measured"]


def test_a_matrix_without_pictures_has_no_shares() -> None:
    card_metrics.describe(version("empty", {"validation": {"confusion_matrix": [[0, 0], [0, 0]]}}))
    assert value("digits_model_validation_share_ratio", model="empty", version="3", digit="0") is None


def test_a_label_is_where_it_points_now() -> None:
    def pointed() -> list[float | None]:
        return [
            value("digits_model_label", model="labelled", version=number, label=name)
            for number, name in (("1", "stable"), ("2", "stable"), ("2", "canary"))
        ]

    first, second = Offer({"stable": 1, "canary": 2}), Offer({"stable": 2})
    card_metrics.label("labelled", Offer(), first)
    assert pointed() == [1, None, 1]
    card_metrics.label("labelled", first, second)
    assert pointed() == [0, 1, 0]
    card_metrics.label("labelled", second, None)
    assert pointed() == [0, 0, 0]
