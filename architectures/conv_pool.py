"""`conv-pool-n`: [convolution → max-pool] × N → fully connected → fully connected, everything about it a key."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast, get_args

from architectures.errors import ArchitectureError
from architectures.layers import ActivationName, Conv, Dense, Flatten, Layer, MaxPool, NamedPadding, Padding

if TYPE_CHECKING:
    from architectures.keys import Keys

CONV_POOL_KEYS = (
    "convPoolLayers",
    "filterSize",
    "convStride",
    "convPadding",
    "numFilters",
    "poolK",
    "poolStride",
    "FCLayerSize",
    "activation",
)


def conv_pool_layers(keys: Keys, allow_floor: bool) -> tuple[Layer, ...]:
    """All layers but the last: the i-th convolution has i · `numFilters` filters.

    Zeros are padded (F - 1) / 2 wide for filters F × F, unless `convPadding` says otherwise; that is no whole number for
    an even F, which is an error unless the floor is allowed.
    """
    size = keys.count("filterSize", 3)
    stride = keys.count("convStride", 1)
    filters = keys.count("numFilters", 32)
    pool, pool_stride = keys.count("poolK", 2), keys.count("poolStride", 2)
    padding = _padding(keys, size, allow_floor)
    activation: ActivationName = keys.choice("activation", "relu", get_args(ActivationName))
    layers: list[Layer] = []
    for index in range(1, _blocks(keys) + 1):
        layers.append(Conv(index * filters, size, stride, padding, activation))
        layers.append(MaxPool(pool, pool_stride))
    return (*layers, Flatten(), Dense(keys.count("FCLayerSize", 512), activation))


def _blocks(keys: Keys) -> int:
    blocks = keys.count("convPoolLayers", 1)
    if blocks > 50:
        raise ArchitectureError(f"convPoolLayers of {keys.name} must be at most 50, not {blocks}.")
    return blocks


def _padding(keys: Keys, size: int, allow_floor: bool) -> Padding:
    given = keys.given.get("convPadding")
    if isinstance(given, str) and given in get_args(NamedPadding):
        return cast("NamedPadding", given)
    if given is not None:
        return keys.count("convPadding", 0, smallest=0)
    if size % 2 == 0 and not allow_floor:
        raise ArchitectureError(
            f"filterSize {size} of {keys.name}: its zero padding (F - 1) / 2 = {(size - 1) / 2:g} is no whole number."
            f" What fits: a filterSize of {size - 1} or {size + 1}, or a convPadding of your own;"
            " or take the floor with --allow-floor."
        )
    return (size - 1) // 2
