"""What a process of its own does with a trial. Imports TensorFlow when it is told to work, not before."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from training.trials.result import Outcome
    from training.trials.trial import Pictures, Trial


def work(at: int, trial: Trial, pictures: Pictures, threads: int) -> tuple[int, Outcome]:
    """`at`, and what came of the trial. `threads` of TensorFlow's, the same for every trial of one process."""
    from rich.console import Console

    from training.trials.run import run_beside_others

    return at, run_beside_others(trial, pictures, Console(quiet=True), threads)
