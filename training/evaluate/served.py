"""A published version, loaded as any server of SavedModels would load it: no Keras, nothing but its signatures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from training.errors import PublishError
from training.publish import verify

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray
    from rich.console import Console

BATCH = 500


@dataclass(frozen=True, eq=False)
class ServedModel:
    """What `load_served` gives. `card` is the version's; `signatures` are those of `docs/training.md`."""

    card: Mapping[str, Any]
    signatures: Mapping[str, Any]

    @property
    def name(self) -> str:
        """As in `cnn/3`."""
        return f"{self.card['name']}/{self.card['version']}"

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(self.card["labels"])

    @property
    def input_shape(self) -> tuple[int, ...]:
        """(H, W, C) of one picture."""
        return tuple(self.card["input"]["shape"])

    def probabilities(self, images: NDArray[np.uint8], console: Console | None = None) -> NDArray[np.float32]:
        """Probabilities (N, K) for pictures uint8 (N, H, W, C), with a bar on `console` while it lasts."""
        import tensorflow as tf
        from rich.progress import track

        serve = self.signatures["serving_default"]
        starts = track(
            range(0, len(images), BATCH),
            description=f"{self.name} reads {len(images):,} pictures",
            console=console,
            transient=True,
            disable=console is None,
        )
        answers = [serve(images=tf.constant(images[at : at + BATCH]))["probabilities"].numpy() for at in starts]
        return np.concatenate(answers) if answers else np.zeros((0, len(self.labels)), np.float32)

    def filters(self) -> dict[str, NDArray[np.float32]]:
        """Every kernel and bias by its name, `<layer>/kernel`; empty when the version has no such signature."""
        if "filters" not in self.signatures:
            return {}
        return {name: weights.numpy() for name, weights in self.signatures["filters"]().items()}


def load_served(directory: Path, card: Mapping[str, Any] | None = None) -> ServedModel:
    """Load the version in `directory`. Its files must be those on its card, unless the `card` is given, since none has
    been written yet.

    Raises `PublishError` when they are not, or TensorFlow cannot load them.
    """
    card = verify(directory) if card is None else card
    import tensorflow as tf

    try:
        loaded = tf.saved_model.load(str(directory))
    except (OSError, ValueError, tf.errors.OpError) as error:
        raise PublishError(f"{directory} cannot be loaded: {error}") from error
    return as_served(loaded, card)


def as_served(loaded: Any, card: Mapping[str, Any]) -> ServedModel:
    """What `tf.saved_model.load` gave, with the card of its version."""
    return ServedModel(card, _Signatures(loaded))


class _Signatures(dict[str, Any]):
    """They do not keep alive the variables they use."""

    def __init__(self, loaded: Any) -> None:
        super().__init__(loaded.signatures)
        self.loaded = loaded
