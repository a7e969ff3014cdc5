"""What answers for pictures inside a model: a TensorFlow session, or LiteRT where it answers the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from service.catalogue import Signature
from service.engine.contract import OUTPUTS
from service.engine.litert import PICTURES_MAX, LiteRT, UnconvertibleError, convert, first_line
from service.engine.tf import tf

PROBABILITY_TOLERANCE = 1e-4
"""How far LiteRT's probabilities may be from TensorFlow's, absolutely; as far as a GPU's may be from a CPU's."""
ENERGY_TOLERANCE = 1e-4
"""How far its energies may be, relative to the larger of 1 and TensorFlow's."""
_TRIED = (1, 2, 17, PICTURES_MAX)
"""Batches that both answer before LiteRT is believed."""


class Prediction(Protocol):
    """Takes `images` uint8 (N, H, W, C), from several threads at once; gives probabilities float32 (N, K) and energies
    float32 (N). Blocks.
    """

    @property
    def runtime(self) -> Literal["tensorflow", "litert"]: ...

    @property
    def takes_any_size(self) -> bool:
        """Whether a batch of a size that has not been run yet costs no more than others."""

    def __call__(self, images: npt.NDArray[np.uint8]) -> Sequence[npt.NDArray[np.float32]]: ...

    def close(self) -> None:
        """Free the device memory."""


class InSession:
    """TensorFlow's answers."""

    runtime: Literal["tensorflow"] = "tensorflow"
    takes_any_size = False

    def __init__(self, session: Any, signature: Signature) -> None:
        self.session = session
        self.close = session.close
        self._call = session.make_callable(
            [signature.outputs[name].name for name in OUTPUTS], feed_list=[signature.inputs["images"].name]
        )

    def __call__(self, images: npt.NDArray[np.uint8]) -> Sequence[npt.NDArray[np.float32]]:
        """:raise tensorflow.errors.OpError: the device failed, out of memory for one."""
        answer: list[npt.NDArray[np.float32]] = self._call(images)
        return answer

    def converted(self, signature: Signature) -> bytes:
        """What LiteRT takes.

        :raise UnconvertibleError: it takes no such thing.
        """
        outputs = [signature.outputs[name].name for name in OUTPUTS]
        return convert(self.session, signature.inputs["images"].name, outputs)

    def in_litert(self, model: bytes, input_shape: tuple[int, ...], threads: int) -> LiteRT:
        """The same in LiteRT, for as many threads, by `model` that was converted from it.

        :raise UnconvertibleError: LiteRT cannot run it, or answers differently.
        """
        other = LiteRT(model, input_shape, threads)
        random = np.random.default_rng(0)
        for size in _TRIED:
            images = random.integers(0, 256, (size, *input_shape), np.uint8)
            try:
                wanted = self(images)
            except tf.errors.OpError as error:
                raise UnconvertibleError(f"TensorFlow itself fails on {size} pictures of noise") from error
            try:
                found = other(images)
            except (RuntimeError, ValueError, MemoryError) as error:
                raise UnconvertibleError(f"it fails on {size} pictures: {first_line(error)}") from error
            _check_same(wanted, found)
        return other


def _check_same(wanted: Sequence[npt.NDArray[np.float32]], found: Sequence[npt.NDArray[np.float32]]) -> None:
    shapes = [answer.shape for answer in wanted], [answer.shape for answer in found]
    if shapes[0] != shapes[1]:
        raise UnconvertibleError(f"LiteRT answers with shapes {shapes[1]}, TensorFlow with {shapes[0]}")
    (probabilities, energy), (others, other_energy) = wanted, found
    limits = (PROBABILITY_TOLERANCE, ENERGY_TOLERANCE * np.maximum(1.0, np.abs(energy)))
    for name, one, other, limit in zip(OUTPUTS, (probabilities, energy), (others, other_energy), limits, strict=True):
        if not (np.abs(one - other) <= limit).all():
            raise UnconvertibleError(f"its {name} in LiteRT are up to {np.abs(one - other).max():.2g} off TensorFlow's")
