"""How many steps a run takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from training.pipeline import Part, first, steps_per_epoch

if TYPE_CHECKING:
    from training.config import TrainingConfig


@dataclass(frozen=True)
class RunLength:
    """How long a run is at most: `epochs`, of which the last may be cut off after `steps` in all."""

    steps_per_epoch: int
    epochs: int
    steps: int


def run_length(training: Part, config: TrainingConfig) -> RunLength:
    """What `epochs` and `max_steps` come to. Raises `ConfigurationError` when there is not one whole batch."""
    each = steps_per_epoch(first(training, config.pictures), config)
    steps = min(config.epochs * each, config.max_steps or config.epochs * each)
    return RunLength(each, -(-steps // each), steps)
