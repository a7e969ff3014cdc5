"""What a trial is, before it is run."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from architectures import layer_table, totals
from training.trials.identity import digest_of_arrays, document_of
from training.trials.pace import cost_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from architectures import Architecture
    from training.config import TrainingConfig


@dataclass(frozen=True, eq=False)
class Pictures:
    """All pictures that a series of trials chooses from: uint8 (N, H, W, C), labels uint8 (N,) that index `names`."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    names: tuple[str, ...]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of pictures and labels."""
        return digest_of_arrays(self.images, self.labels)


# What the architecture and the indices of a trial say already, and what has no say in its result.
_ELSEWHERE = frozenset({"name", "report_every", "architecture_keys", "allow_floor", "pictures", "validation_size"})


@dataclass(frozen=True, eq=False)
class Trial:
    """One fit: `architecture` by `config` on the pictures `training`, scored on `held_out`; both index `Pictures`.

    `watched` are validated on while the model is fitted, and by them early stopping decides; those held out when it is
    None. `title` is what people are shown.
    """

    title: str
    architecture: Architecture
    config: TrainingConfig
    training: NDArray[np.int64]
    held_out: NDArray[np.int64]
    watched: NDArray[np.int64] | None = None

    def identity(self, pictures: Pictures) -> dict[str, Any]:
        """Everything that decides the result, as JSON has it; the code and the machine apart."""
        config = {key: value for key, value in document_of(self.config).items() if key not in _ELSEWHERE}
        return {
            "architecture": document_of(self.architecture),
            "config": config,
            "pictures": pictures.digest,
            "training": digest_of_arrays(self.training),
            "watched": None if self.watched is None else digest_of_arrays(self.watched),
            "held_out": digest_of_arrays(self.held_out),
        }

    def cost(self, pictures: Pictures) -> float:
        """The work, as `training.trials.pace` counts it; at most, when early stopping may end it."""
        macs = totals(layer_table(self.architecture, pictures.images.shape[1:])).macs
        seen = self.config.epochs * len(self.training)
        if self.config.max_steps is not None:
            seen = min(seen, self.config.max_steps * self.config.batch_size)
        return cost_of(macs, seen)
