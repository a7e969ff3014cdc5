"""What an engine's messages mean: answers, outputs, and refusals as the errors they name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from service import errors, wire

RETRY_AFTER_SECONDS = 2

_REFUSALS: dict[str, type[errors.ServiceError]] = {
    cls.type: cls
    for cls in (
        errors.QueueFullError,
        errors.DeadlineExceededError,
        errors.MalformedRequestError,
        errors.WrongShapeError,
        errors.UnknownSignatureError,
        errors.UnknownModelError,
        errors.UnknownVersionError,
        errors.LoadFailedError,
        errors.NotReadyError,
        errors.InternalError,
    )
}
_RETRY_AFTER_SECONDS: dict[type[errors.ServiceError], int] = {
    errors.QueueFullError: 1,
    errors.NotReadyError: RETRY_AFTER_SECONDS,
}


@dataclass(slots=True, eq=False)
class Landed:
    """The rows of all who travelled in one message, float32 (M, K) and (M)."""

    probabilities: npt.NDArray[np.float32]
    energy: npt.NDArray[np.float32]
    made_of_it: Any = None
    """What the first of those who answer has made of all rows at once, kept for the others."""


class Answer(msgspec.Struct, frozen=True, eq=False):
    """For N pictures: `probabilities` float32 (N, K), `energy` float32 (N), and where the time went."""

    probabilities: npt.NDArray[np.float32]
    energy: npt.NDArray[np.float32]
    queue_seconds: float
    """Waiting here and in the engine, and travelling."""
    inference_seconds: float
    batch_pictures: int = 0
    """How many pictures the batch had that completed it, others' included; 0 if the engine does not say."""
    landed: Landed | None = None
    """What the rows were cut out of, None if they stand alone."""
    at: int = 0
    """Where in there they begin."""

    def part(self, start: int, stop: int) -> Answer:
        """The same for pictures `start` to `stop`."""
        return Answer(
            self.probabilities[start:stop],
            self.energy[start:stop],
            self.queue_seconds,
            self.inference_seconds,
            self.batch_pictures,
            self.landed,
            self.at + start,
        )


@dataclass(frozen=True, slots=True)
class Outputs:
    """What a signature gave, and where the time went."""

    tensors: dict[str, npt.NDArray[Any]]
    """Read-only; by name."""
    queue_seconds: float
    """Waiting here and in the engine, and travelling."""
    inference_seconds: float


def outputs(message: wire.Ran, frames: Sequence[memoryview], took_seconds: float) -> Outputs:
    """The tensors in `frames`, as the header describes them. No copy.

    :raise ValueError, TypeError: the frames do not hold them.
    """
    tensors = {
        tensor.name: np.frombuffer(frame, np.dtype(tensor.dtype)).reshape(tensor.shape)
        for tensor, frame in zip(message.tensors, frames, strict=True)
    }
    return Outputs(tensors, max(0.0, took_seconds - message.inference_seconds), message.inference_seconds)


def refusal(reason: str, message: str) -> errors.ServiceError:
    """The error whose `type` is `reason`; of an engine that is newer than we are, any other is internal."""
    cls = _REFUSALS.get(reason, errors.InternalError)
    return cls(message, retry_after_seconds=_RETRY_AFTER_SECONDS.get(cls))


def not_ready(message: str) -> errors.NotReadyError:
    """With the time after which asking again makes sense."""
    return errors.NotReadyError(message, retry_after_seconds=RETRY_AFTER_SECONDS)
