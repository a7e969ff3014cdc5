"""What the loop is told. Apart from the loop, so that a bad argument is found before TensorFlow is loaded."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from training.errors import ConfigurationError


@dataclass(frozen=True)
class LoopConfig:
    """`pictures` are taken from the training part, `validation_size` are kept out of it.

    Raises `ConfigurationError`, naming the argument, for a value that makes no sense.
    """

    pictures: int = 500
    batch_size: int = 10
    epochs: int = 5
    learning_rate: float = 1e-3
    seed: int = 1
    validation_size: int = 1000

    def __post_init__(self) -> None:
        for field in ("pictures", "batch_size", "epochs", "validation_size"):
            if getattr(self, field) < 1:
                raise ConfigurationError(f"{_flag(field)} must be at least 1, not {getattr(self, field)}.")
        if self.batch_size > self.pictures:
            raise ConfigurationError(f"--batch-size {self.batch_size} is more than the {self.pictures} --pictures.")
        if not 0.0 < self.learning_rate <= 10.0:
            raise ConfigurationError(f"--learning-rate must lie in (0, 10], not {self.learning_rate}.")
        if not 0 <= self.seed < 2**31:
            raise ConfigurationError(f"--seed must lie in [0, 2³¹), not {self.seed}.")

    def arguments(self) -> str:
        """The command line's arguments that say all of this."""
        return " ".join(f"{_flag(field)} {value}" for field, value in asdict(self).items())


def _flag(field: str) -> str:
    return "--" + field.replace("_", "-")
