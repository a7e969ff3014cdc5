"""K-fold cross-validation: how good a recipe is on pictures that it has not seen, and how far that depends on which.

    folds (stratified, by the seed) → a trial for each → mean, deviation and interval over them → a table

The test part plays no role, and nothing is published.
"""

from training.crossval.folds import Fold, make_folds
from training.crossval.summary import CrossValidation, Estimate, estimate

__all__ = ["CrossValidation", "Estimate", "Fold", "estimate", "make_folds"]
