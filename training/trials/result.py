"""What a finished trial leaves behind."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class TrialResult:
    """Scores on pictures that were not trained on, by the model as it was fitted, without a temperature.

    `loss` is the mean negative log-likelihood in nats, without label smoothing; `recalls` has one value for each class.
    `seconds` is what training took, `history` a document for each epoch.
    """

    loss: float
    accuracy: float
    correct: int
    total: int
    recalls: tuple[float, ...]
    seconds: float
    history: tuple[dict[str, Any], ...]

    def document(self) -> dict[str, Any]:
        """The result as JSON has it."""
        return asdict(self) | {"recalls": list(self.recalls), "history": list(self.history)}


@dataclass(frozen=True)
class Failed:
    """Why a trial has no result: recipe and pictures do not go together, or the loss got out of hand."""

    reason: str


Outcome = TrialResult | Failed


def result_of(document: Mapping[str, Any]) -> TrialResult:
    """The reverse of `TrialResult.document`. Raises `KeyError`, `TypeError` or `ValueError` for anything else."""
    return TrialResult(
        loss=float(document["loss"]),
        accuracy=float(document["accuracy"]),
        correct=int(document["correct"]),
        total=int(document["total"]),
        recalls=tuple(float(recall) for recall in document["recalls"]),
        seconds=float(document["seconds"]),
        history=tuple(dict(row) for row in document["history"]),
    )
