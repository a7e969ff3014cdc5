"""Labelled pictures, whatever their source, and always the same ones: every file's SHA-256 is checked.

    source (directory | Keras | cache | npm) → raw IDX bytes → digest check → Dataset

Nothing here knows TensorFlow, except the one source that is Keras' own download.
"""

from training.data.dataset import Dataset
from training.data.loading import load
from training.data.specs import DATASETS, DatasetSpec

__all__ = ["DATASETS", "Dataset", "DatasetSpec", "load"]
