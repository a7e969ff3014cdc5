"""The architectures that have a name. `preset` makes any of them; docs/architectures.md shows them all."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import get_args

from architectures.architecture import Architecture
from architectures.checks import unknown
from architectures.conv_pool import CONV_POOL_KEYS, conv_pool_layers
from architectures.errors import ArchitectureError
from architectures.keys import Keys, KeyValue
from architectures.layers import (
    Activation,
    ActivationName,
    AvgPool,
    Conv,
    Dense,
    Dropout,
    Flatten,
    Layer,
    MaxPool,
)

_FAMILY = re.compile(r"mlp(-[1-9][0-9]{0,5})+")
MLP_FAMILY = "mlp-<width>-<width>-…"
ACTIVATION_KEY = "activation"


def preset(
    name: str,
    *,
    classes: int = 10,
    keys: Mapping[str, KeyValue] | None = None,
    allow_floor: bool = False,
) -> Architecture:
    """The architecture of this name for so many classes, changed as `keys` say; `preset_keys` tells which it takes.

    `mlp-1000-300` and its like name a fully connected net of these widths. A preset that needs it allows the floor by
    itself, the others when told to. Raises `ArchitectureError` for a name or a key that does not exist, and for a
    value that makes no sense.
    """
    if not 2 <= classes <= 100_000:
        raise ArchitectureError(f"There must be 2 to 100,000 classes, not {classes}.")
    given = Keys(name, keys or {}, preset_keys(name))
    layers = _make_family(name, given) if _FAMILY.fullmatch(name) else _PRESETS[name](given, allow_floor)
    return Architecture(
        name,
        (*layers, Dense(classes, "linear")),
        allow_floor=allow_floor or name in _FLOORS,
        first_principles=name in _FIRST_PRINCIPLES,
    )


def preset_names() -> tuple[str, ...]:
    """Every name but those of the `mlp` family, of which there is no end."""
    return tuple(_PRESETS)


def preset_keys(name: str) -> tuple[str, ...]:
    """The keys that a preset takes. Raises `ArchitectureError` when there is no such preset."""
    if _FAMILY.fullmatch(name):
        return (ACTIVATION_KEY,)
    if name not in _PRESETS:
        known = (*preset_names(), MLP_FAMILY)
        raise ArchitectureError(f"The name of an architecture {unknown(name, known)}.")
    return _KEYS.get(name, (ACTIVATION_KEY,))


def _cnn(_: Keys, __: bool) -> tuple[Layer, ...]:
    # Served on CPUs, hence strides instead of pooling and nothing at the full 28 × 28: see docs/training.md.
    return (
        Conv(filters=24, kernel=4, stride=2, padding="valid", batch_norm=True),  # (13, 13, 24)
        Conv(filters=48, kernel=3, padding="valid", batch_norm=True),  # (11, 11, 48)
        Conv(filters=96, kernel=3, stride=2, padding="valid", batch_norm=True),  # (5, 5, 96)
        Conv(filters=128, kernel=3, padding="valid", batch_norm=True),  # (3, 3, 128)
        Flatten(),
        Dropout(0.1),
        Dense(128, batch_norm=True),
        Dropout(0.2),
    )


def _mlp(_: Keys, __: bool) -> tuple[Layer, ...]:
    return (Flatten(), Dense(1024, batch_norm=True), Dropout(0.1), Dense(512, batch_norm=True), Dropout(0.1))


def _conv_dropout(keys: Keys, _: bool) -> tuple[Layer, ...]:
    activation = _activation(keys, "relu")
    return (
        Conv(16, 3, padding="valid", activation=activation),
        Conv(32, 3, padding="valid", activation=activation),
        MaxPool(2),
        Dropout(0.25),
        Flatten(),
        Dense(128, activation),
        Dropout(0.5),
    )


def _lenet5(keys: Keys, _: bool) -> tuple[Layer, ...]:
    activation = _activation(keys, "sigmoid")
    return (
        Conv(6, 5, padding=2, activation=activation),
        AvgPool(2),
        Conv(16, 5, padding="valid", activation=activation),
        AvgPool(2),
        Flatten(),
        Dense(120, activation),
        Dense(84, activation),
    )


def _pool_first(keys: Keys, _: bool) -> tuple[Layer, ...]:
    activation = _activation(keys, "relu")
    return (
        Conv(32, 3, padding=1, activation="linear"),
        MaxPool(2),
        Activation(activation),
        Conv(64, 3, padding="valid", activation="linear"),
        MaxPool(2),
        Activation(activation),
        Flatten(),
        Dense(600, activation),
        Dense(120, activation),
    )


def _strided(keys: Keys, _: bool) -> tuple[Layer, ...]:
    activation = _activation(keys, "relu")
    return (
        Conv(32, 3, padding="same", activation=activation),
        Conv(32, 3, stride=2, padding="valid", activation=activation),
        Conv(64, 3, padding="same", activation=activation),
        Conv(64, 3, stride=2, padding="valid", activation=activation),
        Flatten(),
        Dense(128, activation),
    )


def _scratch(_: Keys, __: bool) -> tuple[Layer, ...]:
    return (
        Conv(10, 3, padding="valid"),
        MaxPool(3, stride=1),
        Conv(10, 3, padding="valid"),
        MaxPool(3, stride=1),
        Flatten(),
        Dense(50),
    )


def _ffnn(keys: Keys, _: bool) -> tuple[Layer, ...]:
    return _fully_connected((32, 64, 128, 64), _activation(keys, "relu"))


def _make_family(name: str, keys: Keys) -> tuple[Layer, ...]:
    return _fully_connected([int(width) for width in name.split("-")[1:]], _activation(keys, "relu"))


def _fully_connected(widths: tuple[int, ...] | list[int], activation: ActivationName) -> tuple[Layer, ...]:
    return (Flatten(), *(Dense(width, activation) for width in widths))


def _activation(keys: Keys, default: ActivationName) -> ActivationName:
    chosen: ActivationName = keys.choice(ACTIVATION_KEY, default, get_args(ActivationName))
    return chosen


_PRESETS: dict[str, Callable[[Keys, bool], tuple[Layer, ...]]] = {
    "cnn": _cnn,
    "mlp": _mlp,
    "conv-pool-n": conv_pool_layers,
    "conv-dropout": _conv_dropout,
    "lenet5": _lenet5,
    "pool-first": _pool_first,
    "strided": _strided,
    "scratch": _scratch,
    "ffnn": _ffnn,
}
_KEYS: dict[str, tuple[str, ...]] = {"cnn": (), "mlp": (), "scratch": (), "conv-pool-n": CONV_POOL_KEYS}
# (28 - 3) / 2 and (32 - 3) / 2 are no whole numbers: its windows leave out a row and a column of either.
_FLOORS = frozenset({"strided"})
_FIRST_PRINCIPLES = frozenset({"scratch"})

# The two that are served.
ARCHITECTURES: dict[str, Architecture] = {name: preset(name) for name in ("cnn", "mlp")}
