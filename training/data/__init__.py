"""Labelled pictures, whatever their source, and always the same ones: their SHA-256 is checked, or stated.

    published: source (directory | Keras | cache | registry) → raw files → digest check ─┐
    own:       IDX files | npz | folder of pictures → checks → digests stated ──────────┴→ Dataset

Nothing here knows TensorFlow, except the one source that is Keras' own download.
"""

from training.data.dataset import Dataset
from training.data.loading import load
from training.data.own import Reading
from training.data.specs import DATASETS, PREPARATIONS, DatasetSpec

__all__ = ["DATASETS", "PREPARATIONS", "Dataset", "DatasetSpec", "Reading", "load"]
