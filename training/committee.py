"""What teachers say of a picture, as a target to learn from.

Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network" (2015). Each teacher sees the very picture that the
learner sees, changed as it is, not the one it was made from: Beyer et al., "Knowledge distillation: A good teacher is
patient and consistent" (2022).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from training.errors import PublishError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training.teachers import Teacher


class Committee:
    """Teachers, of whom each has one vote: the mean of their probabilities.

    Raises `PublishError` when TensorFlow cannot load one.
    """

    def __init__(self, teachers: Sequence[Teacher], *, open_set: bool) -> None:
        self._open_set = open_set
        self._asked = [_constant(Path(teacher.directory)) for teacher in teachers]

    def __call__(self, images: Any) -> Any:
        """Targets float32 (N, K) for uint8 pictures (N, H, W, C).

        A row adds up to 1; where the loss knows "none of them" (`open_set`), to the probability that it is one of the
        K classes, 1 / (1 + exp(E)), as in `training.losses.OpenSetCrossentropy`, with the energy E as it is served.
        """
        return tf.add_n([self._vote(asked(images)) for asked in self._asked]) / float(len(self._asked))

    def _vote(self, answer: dict[str, Any]) -> Any:
        probabilities = answer["probabilities"]
        if not self._open_set:
            return probabilities
        return probabilities * tf.sigmoid(-answer["energy"])[:, None]


def _constant(directory: Path) -> Any:
    """The serving signature with its weights as constants: a pipeline that holds variables does not run in parallel."""
    try:
        loaded = tf.saved_model.load(str(directory))
        signature = loaded.signatures["serving_default"]
        frozen = convert_variables_to_constants_v2(signature)
    except (OSError, ValueError, KeyError, tf.errors.OpError) as error:
        raise PublishError(f"{directory} cannot be loaded: {error}") from error

    def ask(images: Any) -> Any:
        return tf.nest.pack_sequence_as(signature.structured_outputs, frozen(images))  # it returns them in a row

    return ask
