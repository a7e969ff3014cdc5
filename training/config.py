"""What a training run is told, declared as data; and the recipes that made the shipped models."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from training.errors import ConfigurationError

Optimizer = Literal["adamw", "adam", "sgd", "rmsprop"]
OPTIMIZERS: tuple[str, ...] = get_args(Optimizer)


@dataclass(frozen=True)
class Augmentation:
    """How far pictures are changed; every amount is drawn uniformly and independently for each picture.

    `rotation_degrees`, `shear` and `shift_px` are drawn from [-a, a]; width and height are each multiplied by a number
    from [1 - `scale`, 1 + `scale`]. `stroke` in [0, 0.5] is the share of pictures whose strokes are thickened, and the
    share whose strokes are thinned. `aspect` makes a picture up to that share wider and narrower at one area.

    The others are the shares of pictures that look as another pen, paper or scanner would have left them: `pen` with
    softer ink or another width of stroke, `coarse` with fewer pixels, half of those in black and white, `gaps` with
    a row or column nearly without ink, `lines` with a remnant of a ruled line, `grain` with uneven ink.
    """

    rotation_degrees: float = 0.0
    scale: float = 0.0
    shear: float = 0.0
    shift_px: float = 0.0
    stroke: float = 0.0
    aspect: float = 0.0
    pen: float = 0.0
    coarse: float = 0.0
    gaps: float = 0.0
    lines: float = 0.0
    grain: float = 0.0

    @property
    def changes_texture(self) -> bool:
        """Whether more than the geometry and the width of strokes changes."""
        return any((self.pen, self.coarse, self.gaps, self.lines, self.grain))


@dataclass(frozen=True)
class TrainingConfig:
    """Everything that decides the weights, together with the code and the data.

    `learning_rate` is the peak of the one-cycle schedule, reached after `warmup_share` of all steps. `weight_decay` is
    AdamW's; the other optimizers have none. What gets validated and served is a moving average of the weights, whose
    horizon is `averaging_share` of all steps, so that a short run averages over little. `validation_size` pictures are taken out of the training part, the
    same ones whatever the seed, so that versions can be compared.

    For each picture of a batch, `rare_share` drawn digits in shapes that MNIST hardly has and `outlier_share` pictures
    that are no digit are added to it; see `training.synthesis`.

    Raises `ConfigurationError`, naming the field, for a value that makes no sense.
    """

    model: str
    dataset: str = "mnist"
    epochs: int = 20
    batch_size: int = 128
    learning_rate: float = 3e-3
    optimizer: str = "adamw"
    seed: int = 1
    weight_decay: float = 0.01
    label_smoothing: float = 0.05
    warmup_share: float = 0.2
    averaging_share: float = 0.05
    validation_size: int = 5000
    rare_share: float = 0.0
    outlier_share: float = 0.0
    augmentation: Augmentation = Augmentation()

    def __post_init__(self) -> None:
        for field in ("epochs", "batch_size", "validation_size"):
            if getattr(self, field) < 1:
                raise ConfigurationError(f"{_flag(field)} must be at least 1, not {getattr(self, field)}.")
        if not 0.0 < self.learning_rate <= 10.0:
            raise ConfigurationError(f"--learning-rate must lie in (0, 10], not {self.learning_rate}.")
        for field in ("rare_share", "outlier_share"):
            if not 0.0 <= getattr(self, field) <= 1.0:
                raise ConfigurationError(f"{_flag(field)} must lie in [0, 1], not {getattr(self, field)}.")
        if not 0 <= self.seed < 2**31:
            raise ConfigurationError(f"--seed must lie in [0, 2³¹), not {self.seed}.")
        if self.optimizer not in OPTIMIZERS:
            raise ConfigurationError(f"--optimizer must be one of {', '.join(OPTIMIZERS)}, not {self.optimizer}.")

    def command(self) -> str:
        """The command line that repeats this run, everything that it can say spelled out."""
        said = ("model", "dataset", "epochs", "batch_size", "learning_rate", "optimizer", "seed")
        return " ".join(["python -m training train", *(f"{_flag(field)} {getattr(self, field)}" for field in said)])

    def document(self) -> dict[str, Any]:
        """The hyper-parameters as the card has them: all but what the card says elsewhere."""
        elsewhere = ("model", "dataset", "seed")
        return {key: value for key, value in asdict(self).items() if key not in elsewhere}


# Chosen for what people send: pictures differ more from MNIST than its test set does.
HANDWRITING = Augmentation(
    rotation_degrees=15.0,
    scale=0.12,
    shear=0.2,
    shift_px=2.0,
    stroke=0.15,
    aspect=0.35,
    pen=0.3,
    coarse=0.2,
    gaps=0.06,
    lines=0.04,
    grain=0.15,
)

# The same for a net that has to learn every place anew: what is served is centred by mass, so that it moves less, and
# it has less to spare for textures.
HANDWRITING_CENTRED = Augmentation(
    rotation_degrees=12.0,
    scale=0.12,
    shear=0.2,
    shift_px=1.0,
    stroke=0.15,
    aspect=0.2,
    pen=0.15,
    coarse=0.1,
    gaps=0.03,
    lines=0.02,
    grain=0.08,
)

RECIPES: dict[str, TrainingConfig] = {
    "cnn": TrainingConfig(
        model="cnn", epochs=24, learning_rate=4e-3, rare_share=0.08, outlier_share=0.25, augmentation=HANDWRITING
    ),
    "mlp": TrainingConfig(
        model="mlp",
        epochs=40,
        learning_rate=3e-3,
        rare_share=0.05,
        outlier_share=0.15,
        augmentation=HANDWRITING_CENTRED,
    ),
}


def _flag(field: str) -> str:
    return "--" + field.replace("_", "-")
