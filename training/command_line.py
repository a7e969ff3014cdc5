"""The command line that repeats a run. It stands on the card, so it holds no path of this machine."""

from __future__ import annotations

import shlex
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from training.config import flag
from training.recipes import AUGMENTATIONS, data_family, recipe, with_optimizer

if TYPE_CHECKING:
    from training.config import TrainingConfig

# Always said, so that nobody has to know the recipe; anything else where it differs from the recipe.
_ALWAYS = ("model", "dataset", "epochs", "batch_size", "learning_rate", "optimizer", "seed")


def command_line(config: TrainingConfig) -> str:
    """`python -m training train …` with everything that makes `config`; amounts that have no name cannot be said."""
    usual = with_optimizer(recipe(config.model, config.dataset), config.optimizer)
    parts = [f"{flag(name)} {getattr(config, name)}" for name in _ALWAYS]
    for item in fields(config):
        value = getattr(config, item.name)
        if item.name not in _ALWAYS and value != getattr(usual, item.name):
            parts += _said(config, item.name, value)
    return " ".join(["python -m training train", *parts])


def _said(config: TrainingConfig, name: str, value: Any) -> list[str]:
    match name:
        case "architecture_keys":
            return [f"--set {shlex.quote(f'{key}={setting}')}" for key, setting in value.items()]
        case "augmentation":
            known = AUGMENTATIONS[data_family(config.dataset)]
            return [f"--augment {word}" for word, amounts in known.items() if amounts == value]
        case "teachers":
            # As they are found in a directory of models. The card tells more of them.
            return [f"--teacher {teacher.name}/{teacher.version}" for teacher in value]
        case "allow_floor" | "nesterov":
            return [flag(name)]
        case _:
            return [f"{flag(name)} {value}"]
