"""What each combination comes to: an architecture and a recipe with their costs, or the reason why it does not fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from architectures import ArchitectureError, layer_table, totals
from training.config import TrainingConfig
from training.errors import ConfigurationError
from training.sweep.axes import ALIASES, FAMILY, MODEL, WIDTHS, recipe_fields
from training.sweep.grid import Value, label

if TYPE_CHECKING:
    from architectures import Architecture

Configure = Callable[[Mapping[str, Value], Mapping[str, str]], TrainingConfig]
"""Makes the recipe in which fields of it, and keys of the architecture, are as given; the rest is as it is for all.

Raises `ConfigurationError` when there is no such recipe.
"""


@dataclass(frozen=True)
class Fit:
    """A combination that can be trained, with the parameters and multiply-accumulates of the model as served."""

    architecture: Architecture
    config: TrainingConfig
    parameters: int
    macs: int


@dataclass(frozen=True)
class Misfit:
    """A combination that cannot be trained, and why."""

    reason: str


@dataclass(frozen=True)
class Combination:
    """Values by key, and what they come to."""

    values: dict[str, Value]
    outcome: Fit | Misfit


def title_of(values: Mapping[str, Value]) -> str:
    """A combination as people are shown it."""
    return " ".join(f"{key}={label(value)}" for key, value in values.items())


def make_plan(
    combinations: Sequence[dict[str, Value]], configure: Configure, input_shape: Sequence[int], classes: int
) -> list[Combination]:
    """The combinations with what they come to, by arithmetic alone, for pictures of shape (H, W, C)."""
    return [Combination(values, _outcome(values, configure, input_shape, classes)) for values in combinations]


def _outcome(
    values: Mapping[str, Value], configure: Configure, input_shape: Sequence[int], classes: int
) -> Fit | Misfit:
    recipe = recipe_fields()
    fields: dict[str, Value] = {}
    keys: dict[str, str] = {}
    for key, value in values.items():
        if key == WIDTHS:
            fields[MODEL] = FAMILY + str(value)
        elif key == MODEL or key in recipe:
            fields[key] = value
        else:
            keys[ALIASES.get(key, key)] = str(value)
    try:
        config = configure(fields, keys)
        architecture = config.architecture(classes)
        cost = totals(layer_table(architecture, input_shape))
    except (ArchitectureError, ConfigurationError) as error:
        return Misfit(str(error))
    return Fit(architecture, config, cost.parameters, cost.macs)
