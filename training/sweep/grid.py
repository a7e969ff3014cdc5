"""All combinations of the varied values, or some of them at random."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from training.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

Value = int | float | str | bool | None

LARGEST_GRID = 10_000


@dataclass(frozen=True)
class Axis:
    """A key, as the one at the terminal named it, and the values it takes."""

    key: str
    values: tuple[Value, ...]


def grid(axes: Sequence[Axis]) -> list[dict[str, Value]]:
    """Every combination, by key; the last axis varies fastest. Raises `ConfigurationError` for more than 10,000."""
    if (size := _size(axes)) > LARGEST_GRID:
        raise ConfigurationError(
            f"The grid has {size:,} combinations, more than {LARGEST_GRID:,}; take some of it by --random."
        )
    return [_combination(axes, at) for at in range(size)]


def sample(axes: Sequence[Axis], count: int, seed: int) -> list[dict[str, Value]]:
    """`count` different combinations drawn by `seed`, in the grid's order; all of it when it is no larger.

    Source: Bergstra and Bengio, "Random Search for Hyper-Parameter Optimization" (2012). Raises `ConfigurationError`
    for less than one and more than 10,000.
    """
    if not 1 <= count <= LARGEST_GRID:
        raise ConfigurationError(f"--random must lie between 1 and {LARGEST_GRID:,}, not {count}.")
    size = _size(axes)
    if count >= size:
        return grid(axes)
    chosen = np.random.default_rng(seed).choice(size, count, replace=False)
    return [_combination(axes, int(at)) for at in sorted(chosen)]


def label(value: Value) -> str:
    """A value as the tables show it."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _size(axes: Sequence[Axis]) -> int:
    return math.prod(len(axis.values) for axis in axes)


def _combination(axes: Sequence[Axis], at: int) -> dict[str, Value]:
    places = np.unravel_index(at, [len(axis.values) for axis in axes])
    return {axis.key: axis.values[place] for axis, place in zip(axes, places, strict=True)}
