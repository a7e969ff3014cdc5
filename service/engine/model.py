"""A model on a device: arrays in, arrays out."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt

from service.catalogue import Signature
from service.engine.contract import UnfitModelError
from service.engine.parts import parts
from service.engine.prediction import Prediction
from service.engine.tf import tf

_CALLABLES = 32
"""Other calls that a model keeps ready; each is made when it is first asked for, and the one not used for longest goes."""
_CALLED = {"tensorflow": "TensorFlow", "litert": "LiteRT"}


@dataclass(frozen=True, slots=True)
class Predictions:
    """Of N pictures: `probabilities` float32 (N, K), rows sum to 1; `energy` float32 (N)."""

    probabilities: npt.NDArray[np.float32]
    energy: npt.NDArray[np.float32]


class Model:
    """A SavedModel on a device. `predict` may be called from one thread at a time."""

    def __init__(
        self,
        prediction: Prediction,
        load_whole: Callable[[], Any],
        signatures: dict[str, Signature],
        input_shape: tuple[int, ...],
        pool: ThreadPoolExecutor | None,
        threads: int,
    ) -> None:
        """`load_whole` gives a session with all signatures; `threads` of `pool` share large batches."""
        self.signatures = signatures
        self.prediction = prediction
        self._load_whole = load_whole
        self._inside: Any = None
        """A session with all signatures, once `open` has been called."""
        self._callables: OrderedDict[tuple[str, tuple[str, ...]], Any] = OrderedDict()
        self._input_shape = input_shape
        self._pool = pool
        self._threads = threads

    def predict(self, images: npt.NDArray[np.uint8]) -> Predictions:
        """`images` uint8 (N, H, W, C). Blocks until the device is done.

        :raise tensorflow.errors.OpError, RuntimeError, MemoryError: the device failed, out of memory for one.
        """
        sizes = parts(len(images), self._threads)
        if self._pool is None or len(sizes) < 2:
            return Predictions(*self.prediction(images))
        # Predictions let go of the interpreter lock, so threads of our own run side by side.
        ends = list(accumulate(sizes))
        pieces = list(
            self._pool.map(self.prediction, [images[end - size : end] for end, size in zip(ends, sizes, strict=True)])
        )
        return Predictions(
            np.concatenate([probabilities for probabilities, _ in pieces]),
            np.concatenate([energy for _, energy in pieces]),
        )

    @property
    def is_open(self) -> bool:
        """Whether `run` finds its signatures loaded."""
        return self._inside is not None

    def open(self) -> None:
        """Load the whole graph, for `run`. Blocks; `predict` may be called meanwhile, and is not touched if it fails.

        A session of its own: one whose graph is extended by something broken runs nothing any more.

        :raise UnfitModelError: TensorFlow cannot load it, or its directory has gone.
        """
        if self._inside is None:
            self._inside = self._load_whole()

    def run(
        self, signature: str, inputs: dict[str, npt.NDArray[np.generic]], outputs: tuple[str, ...]
    ) -> list[npt.NDArray[np.generic]]:
        """Call any signature; its `inputs` complete, by name, and the `outputs` wanted, in their order. Blocks, the
        first time for as long as `open` does.

        :raise KeyError: there is no such signature or output.
        :raise tensorflow.errors.OpError: the inputs do not fit each other, or the device failed.
        """
        self.open()
        key = (signature, outputs)
        call = self._callables.get(key)
        if call is None:
            described = self.signatures[signature]
            fetches = [described.outputs[name].name for name in outputs]
            feeds = [info.name for info in described.inputs.values()]
            call = self._inside.make_callable(fetches, feed_list=feeds or None)
            self._callables[key] = call
            if len(self._callables) > _CALLABLES:
                self._callables.popitem(last=False)
        self._callables.move_to_end(key)
        answer = call(*(inputs[name] for name in self.signatures[signature].inputs))
        return [np.asarray(value) for value in answer]

    def warm(self, batch_sizes: Sequence[int]) -> None:
        """Run every batch size once, so that no request pays for a first time (kernel choice, memory).

        :raise UnfitModelError: it cannot be run, or answers with another number of rows, or with what is no number; it
            is closed then.
        """
        try:
            for size in batch_sizes:
                _check_answer(self.predict(np.zeros((size, *self._input_shape), np.uint8)), size)
        except UnfitModelError:
            self.close()
            raise
        except (tf.errors.OpError, RuntimeError, MemoryError) as error:
            self.close()
            message = getattr(error, "message", str(error))
            raise UnfitModelError(
                f"{_CALLED[self.prediction.runtime]} cannot run it: {type(error).__name__}: {message}"
            ) from error

    def close(self) -> None:
        """Free the device memory; the model is of no use afterwards."""
        self._callables.clear()
        self.prediction.close()
        if self._inside is not None:
            self._inside.close()


def _check_answer(predictions: Predictions, pictures: int) -> None:
    rows = {len(predictions.probabilities), len(predictions.energy)}
    if rows != {pictures}:
        raise UnfitModelError(f"{pictures} pictures get {sorted(rows)} answers")
    if not (np.isfinite(predictions.probabilities).all() and np.isfinite(predictions.energy).all()):
        raise UnfitModelError("its probabilities or energies are not finite: its training diverged, perhaps")
