"""The SavedModel as its documentation says to load it, warmed; TensorFlow is imported here and in `flask_app` alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import tensorflow as tf

from benchmarks.peers.apps.pictures import SHAPE, Images, Probabilities
from benchmarks.peers.apps.settings import LITERT, MODEL_DIR, THREADS

Run = Callable[[Images], Probabilities]
_PICTURES_MAX = 1024
_WARMED_SIZES = (*range(1, 65), 96, 128, 256, 512, _PICTURES_MAX)


def set_threads() -> None:
    """TensorFlow's threads, before it is used."""
    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    tf.config.threading.set_inter_op_parallelism_threads(1)


class Model:
    """The serving signature, run once for every batch size that is likely to come."""

    def __init__(self) -> None:
        set_threads()
        self._run = _in_litert() if LITERT else _in_tensorflow()
        for size in _WARMED_SIZES:
            self.predict(np.zeros((size, *SHAPE), np.uint8))

    def predict(self, images: Images) -> Probabilities:
        """uint8 (N, 28, 28, 1) → float32 (N, K), at most 1,024 pictures a call of the model."""
        parts = [self._run(images[start : start + _PICTURES_MAX]) for start in range(0, len(images), _PICTURES_MAX)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def predict_requests(self, requests: Sequence[Images]) -> list[Probabilities]:
        """The pictures of several requests in one call; one array of probabilities for each request."""
        return split(self.predict(np.concatenate(requests)), [len(images) for images in requests])


def _in_tensorflow() -> Run:
    loaded = tf.saved_model.load(str(MODEL_DIR))
    call = loaded.signatures["serving_default"]

    def run(images: Images, _kept: object = loaded) -> Probabilities:  # or its variables would go
        probabilities: Probabilities = call(images=tf.constant(images))["probabilities"].numpy()
        return probabilities

    return run


def _in_litert() -> Run:
    converter = tf.lite.TFLiteConverter.from_saved_model(str(MODEL_DIR), signature_keys=["serving_default"])
    interpreter = tf.lite.Interpreter(model_content=converter.convert(), num_threads=THREADS)
    (taken,) = interpreter.get_input_details()
    (given,) = [details for details in interpreter.get_output_details() if len(details["shape"]) == 2]

    def run(images: Images) -> Probabilities:
        interpreter.resize_tensor_input(taken["index"], images.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(taken["index"], images)
        interpreter.invoke()
        probabilities: Probabilities = interpreter.get_tensor(given["index"])
        return probabilities

    return run


def split(probabilities: Probabilities, counts: Iterable[int]) -> list[Probabilities]:
    """(sum of `counts`, K) → one (count, K) for each of `counts`."""
    ends = np.cumsum(list(counts))
    return np.split(probabilities, ends[:-1])
