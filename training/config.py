"""What a training run is told, declared as data. Which values suit what is in `training.recipes`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, get_args

from architectures import Architecture, preset
from training.errors import ConfigurationError
from training.teachers import Teacher

Optimizer = Literal["adamw", "adam", "sgd", "momentum", "rmsprop"]
OPTIMIZERS: tuple[str, ...] = get_args(Optimizer)
Schedule = Literal["constant", "one-cycle", "cosine", "step", "exponential"]
SCHEDULES: tuple[str, ...] = get_args(Schedule)
_COUNTS = ("epochs", "batch_size", "validation_size", "max_steps", "early_stopping", "report_every", "pictures")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")  # a directory's name, and part of URLs


@dataclass(frozen=True)
class Augmentation:
    """How far pictures are changed; every amount is drawn uniformly and independently for each picture.

    `rotation_degrees`, `shear` and `shift_px` are drawn from [-a, a]; width and height are each multiplied by a number
    from [1 - `scale`, 1 + `scale`]. `stroke` in [0, 0.5] is the share of pictures whose strokes are thickened, and the
    share whose strokes are thinned. `aspect` makes a picture up to that share wider and narrower at one area. `flip` is
    the share of pictures whose left and right change places. `elastic_px` bends a picture: how far each knot of a coarse
    grid may move, and what is between in proportion.

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
    flip: float = 0.0
    elastic_px: float = 0.0

    @property
    def changes_texture(self) -> bool:
        """Whether more than the geometry and the width of strokes changes."""
        return any((self.pen, self.coarse, self.gaps, self.lines, self.grain))

    @property
    def calmer(self) -> Augmentation:
        """Half of each amount, but for those that leave a picture as good as it was: shift and mirroring."""
        kept = {"shift_px": self.shift_px, "flip": self.flip}
        return Augmentation(**({name: amount / 2 for name, amount in asdict(self).items()} | kept))

    def document(self) -> dict[str, float]:
        """The amounts as the card has them."""
        later = ("flip", "elastic_px")  # than the first cards: told only where there is such an amount
        return {name: amount for name, amount in asdict(self).items() if amount or name not in later}


@dataclass(frozen=True)
class TrainingConfig:
    """Everything that decides the weights, together with the code and the data.

    `model` is the preset of the architecture, changed as `architecture_keys` say; `name` is the name under which it is
    published, by default the preset's for MNIST and `<preset>-<dataset>` for other data.

    A run ends after `epochs`, after `max_steps`, or when the validation loss has not fallen for `early_stopping` epochs;
    then the weights of its best epoch count. `pictures` takes the first so many of the training part, which is in random
    order, so that a larger number holds the pictures of a smaller one.

    `learning_rate` is the schedule's highest; a one-cycle reaches it after `warmup_share` of all steps. `nesterov` is
    for `momentum`. `weight_decay` is decoupled: each step takes the rate times it off every weight. What gets validated
    and served is a moving average of the weights, whose horizon is `averaging_share` of all steps, so that a short run
    averages over little; 0 is no averaging. `validation_size` pictures are taken out of the training part, the same
    ones whatever the seed, so that versions can be compared.

    For each picture of a batch, `rare_share` drawn digits in shapes that MNIST hardly has and `outlier_share` pictures
    that are no digit are added to it; see `training.synthesis`. In the last `calm_share` of all steps pictures are
    changed half as far: what a run sees last should resemble what comes. `report_every` so many steps the accuracy on the test
    part is told, which changes no weight.

    `teachers` are versions that it learns from as well: what they say of each changed picture makes `teacher_share` of its
    target, its label the rest; see `training.committee`.

    Raises `ConfigurationError`, naming the field, for a value that makes no sense.
    """

    model: str
    dataset: str = "mnist"
    name: str | None = None
    architecture_keys: Mapping[str, str | int | float] = field(default_factory=dict)
    allow_floor: bool = False
    epochs: int = 20
    max_steps: int | None = None
    early_stopping: int | None = None
    report_every: int | None = None
    pictures: int | None = None
    batch_size: int = 128
    learning_rate: float = 3e-3
    schedule: str = "one-cycle"
    warmup_share: float = 0.2
    optimizer: str = "adamw"
    nesterov: bool = False
    seed: int = 1
    weight_decay: float = 0.01
    label_smoothing: float = 0.05
    averaging_share: float = 0.05
    validation_size: int = 5000
    rare_share: float = 0.0
    outlier_share: float = 0.0
    augmentation: Augmentation = Augmentation()
    calm_share: float = 0.0
    teachers: tuple[Teacher, ...] = ()
    teacher_share: float = 0.75

    def __post_init__(self) -> None:
        self._check_numbers()
        for name, known in (("optimizer", OPTIMIZERS), ("schedule", SCHEDULES)):
            if getattr(self, name) not in known:
                raise ConfigurationError(f"{flag(name)} must be one of {', '.join(known)}, not {getattr(self, name)}.")
        if self.nesterov and self.optimizer != "momentum":
            raise ConfigurationError(f"--nesterov goes with --optimizer momentum, not with {self.optimizer}.")
        if not _NAME.fullmatch(self.published_name):
            raise ConfigurationError(
                f"--name {self.published_name!r} will not do: letters, digits and any of _.- behind the first, up to 64."
            )

    @property
    def published_name(self) -> str:
        """The model's directory in `models/`."""
        return self.name or (self.model if self.dataset == "mnist" else f"{self.model}-{self.dataset}")

    def architecture(self, classes: int) -> Architecture:
        """The architecture for so many classes. Raises `ConfigurationError` when there is no such preset or key."""
        return preset(self.model, classes=classes, keys=self.architecture_keys, allow_floor=self.allow_floor)

    def document(self) -> dict[str, Any]:
        """The hyper-parameters as the card has them: all but what the card says elsewhere and what is not used."""
        elsewhere = ["model", "dataset", "name", "seed", "report_every", "teachers"]
        if not self.teachers:
            elsewhere.append("teacher_share")
        document: dict[str, Any] = {
            item.name: getattr(self, item.name) for item in fields(self) if item.name not in elsewhere
        }
        document["augmentation"] = self.augmentation.document()
        document["architecture_keys"] = dict(self.architecture_keys)
        optional = {
            "architecture_keys",
            "allow_floor",
            "max_steps",
            "early_stopping",
            "pictures",
            "nesterov",
            "calm_share",
        }
        return {key: value for key, value in document.items() if value or key not in optional}

    def _check_numbers(self) -> None:
        for name in _COUNTS:
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigurationError(f"{flag(name)} must be at least 1, not {value}.")
        for name in ("rare_share", "outlier_share", "teacher_share"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ConfigurationError(f"{flag(name)} must lie in [0, 1], not {getattr(self, name)}.")
        for name in ("warmup_share", "label_smoothing", "averaging_share", "weight_decay", "calm_share"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise ConfigurationError(f"{flag(name)} must lie in [0, 1), not {getattr(self, name)}.")
        if not 0.0 < self.learning_rate <= 10.0:
            raise ConfigurationError(f"--learning-rate must lie in (0, 10], not {self.learning_rate}.")
        if not 0 <= self.seed < 2**31:
            raise ConfigurationError(f"--seed must lie in [0, 2³¹), not {self.seed}.")


def flag(field_name: str) -> str:
    """The option of the command line that sets a field."""
    return "--" + field_name.replace("_", "-")
