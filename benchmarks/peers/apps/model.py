"""The SavedModel as its documentation says to load it, warmed; TensorFlow is imported here and in `flask_app` alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import tensorflow as tf

from benchmarks.peers.apps.pictures import SHAPE, Images, Probabilities
from benchmarks.peers.apps.settings import MODEL_DIR, THREADS

_PICTURES_MAX = 1024
_WARMED_SIZES = (*range(1, 65), 96, 128, 256, 512, _PICTURES_MAX)


def set_threads() -> None:
    """TensorFlow's threads, before it is used."""
    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    tf.config.threading.set_inter_op_parallelism_threads(1)


class Model:
    """`tf.saved_model.load` and its serving signature, run once for every batch size that is likely to come."""

    def __init__(self) -> None:
        set_threads()
        loaded = tf.saved_model.load(str(MODEL_DIR))
        self._loaded = loaded  # a signature alone does not keep its variables alive
        self._call = loaded.signatures["serving_default"]
        for size in _WARMED_SIZES:
            self.predict(np.zeros((size, *SHAPE), np.uint8))

    def predict(self, images: Images) -> Probabilities:
        """uint8 (N, 28, 28, 1) → float32 (N, K), at most 1,024 pictures a call of the model."""
        parts = [
            self._call(images=tf.constant(images[start : start + _PICTURES_MAX]))["probabilities"].numpy()
            for start in range(0, len(images), _PICTURES_MAX)
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def predict_requests(self, requests: Sequence[Images]) -> list[Probabilities]:
        """The pictures of several requests in one call; one array of probabilities for each request."""
        return split(self.predict(np.concatenate(requests)), [len(images) for images in requests])


def split(probabilities: Probabilities, counts: Iterable[int]) -> list[Probabilities]:
    """(sum of `counts`, K) → one (count, K) for each of `counts`."""
    ends = np.cumsum(list(counts))
    return np.split(probabilities, ends[:-1])
