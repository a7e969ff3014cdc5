"""Fits of which nothing is published. Cross-validation and sweeps are made of them.

Trial (what decides the result) → digest → Store: done already? → fit, score → TrialResult or Failed → Store
"""

from training.trials.result import Failed, Outcome, TrialResult
from training.trials.store import Store
from training.trials.trial import Pictures, Trial

__all__ = ["Failed", "Outcome", "Pictures", "Store", "Trial", "TrialResult"]
