"""What suits what: a recipe for each preset on each kind of data, and the words by which amounts are chosen.

`cnn` and `mlp` are what the shipped models were trained with. Every other preset gets the plain way of a course: Adam at a
constant rate, the pictures as they are, softmax cross-entropy, a few epochs that take minutes on two cores. Where a
recipe does not fit, every value can be given.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from architectures import preset_keys
from training.config import Augmentation, TrainingConfig
from training.data import DATASETS
from training.errors import ConfigurationError

DataFamily = Literal["handwriting", "things", "own"]

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
    elastic_px=1.0,
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
    elastic_px=0.8,
)

NONE = Augmentation()
_TURNED = Augmentation(rotation_degrees=10.0, scale=0.1, shear=0.1, shift_px=2.0)
_FLIPPED = Augmentation(shift_px=2.0, flip=0.5)
_FLIPPED_AND_TURNED = replace(_TURNED, shift_px=3.0, flip=0.5)

# A digit has no mirror image, a shoe and a ship have. Of somebody's own pictures nothing is known.
AUGMENTATIONS: dict[DataFamily, dict[str, Augmentation]] = {
    "handwriting": {"none": NONE, "light": _TURNED, "strong": HANDWRITING, "centred": HANDWRITING_CENTRED},
    "things": {"none": NONE, "light": _FLIPPED, "strong": _FLIPPED_AND_TURNED},
    "own": {"none": NONE, "light": Augmentation(shift_px=2.0), "strong": _TURNED},
}
AUGMENTATION_NAMES = ("none", "light", "strong", "centred")

# The champions, on MNIST.
RECIPES: dict[str, TrainingConfig] = {
    "cnn": TrainingConfig(
        model="cnn",
        epochs=36,
        learning_rate=4e-3,
        rare_share=0.08,
        outlier_share=0.25,
        calm_share=0.15,
        augmentation=HANDWRITING,
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

_EPOCHS_ON_OTHER_DATA = 12

# Sigmoids pass little of the slope on: they want a higher rate, and longer.
_COURSE_EPOCHS = {"lenet5": 12, "conv-dropout": 8, "conv-pool-n": 4, "pool-first": 4, "strided": 4, "scratch": 3}
_COURSE_RATES = {"lenet5": 2e-3}

# Keras' own rates, but for plain SGD, whose 0.01 learns little in a few epochs.
RATES = {"adamw": 1e-3, "adam": 1e-3, "rmsprop": 1e-3, "sgd": 0.1, "momentum": 0.02}
WEIGHT_DECAY = 0.01


def recipe(model: str, dataset: str = "mnist") -> TrainingConfig:
    """What is used when nothing else is said. `dataset` is one of `DATASETS`, or the name of somebody's own.

    Raises `ConfigurationError` when there is no such preset.
    """
    preset_keys(model)
    family = data_family(dataset)
    if model not in RECIPES:
        return _course(model, dataset)
    champion = replace(RECIPES[model], dataset=dataset)
    if family == "handwriting":
        return champion
    # What was drawn and made for digits would teach other data nonsense; without it a net has learned its part sooner.
    return replace(
        champion,
        epochs=_EPOCHS_ON_OTHER_DATA,
        rare_share=0.0,
        outlier_share=0.0,
        augmentation=AUGMENTATIONS[family]["light"],
    )


def data_family(dataset: str) -> DataFamily:
    """Which changes to a picture of this data set leave it what it is."""
    if dataset not in DATASETS:
        return "own"
    return "handwriting" if DATASETS[dataset].preparation == "mnist" else "things"


def augmentation_named(name: str, dataset: str) -> Augmentation:
    """The amounts that `--augment` names. Raises `ConfigurationError` when these data have no such."""
    known = AUGMENTATIONS[data_family(dataset)]
    if name not in known:
        raise ConfigurationError(f"--augment {name} does not suit {dataset}, which has: {', '.join(known)}.")
    return known[name]


def with_optimizer(config: TrainingConfig, optimizer: str) -> TrainingConfig:
    """The recipe with another optimizer, at a rate and a weight decay that suit it; the same when it is the same."""
    if optimizer == config.optimizer or optimizer not in RATES:
        return replace(config, optimizer=optimizer)
    decay = WEIGHT_DECAY if optimizer == "adamw" else 0.0
    return replace(config, optimizer=optimizer, learning_rate=RATES[optimizer], weight_decay=decay)


def _course(model: str, dataset: str) -> TrainingConfig:
    return TrainingConfig(
        model=model,
        dataset=dataset,
        epochs=_COURSE_EPOCHS.get(model, 8),
        optimizer="adam",
        learning_rate=_COURSE_RATES.get(model, 1e-3),
        schedule="constant",
        weight_decay=0.0,
        label_smoothing=0.0,
        averaging_share=0.0,
    )
