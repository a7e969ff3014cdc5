"""The table of a version's layers, as its card has it."""

from __future__ import annotations

from typing import Any

from service.catalogue import ModelVersion
from service.errors import InvalidParameterError, NotApplicableError, UnknownLayerError

Layer = dict[str, Any]


def table(version: ModelVersion) -> list[Layer]:
    """A row for each layer: name, type, output shape, parameters, receptive field, MACs, kernel, stride, padding …

    :raise NotApplicableError: its card has none.
    """
    rows: list[Layer] = version.card.get("architecture", {}).get("layers", [])
    if not rows:
        raise NotApplicableError(f"the card of {version.name}/{version.version} lists no layers", field="model")
    return rows


def find(version: ModelVersion, name: str) -> tuple[int, Layer]:
    """The layer `name` and which one of them it is.

    :raise UnknownLayerError: there is none; the message lists those that there are.
    """
    rows = table(version)
    for index, row in enumerate(rows):
        if row["name"] == name:
            return index, row
    known = ", ".join(row["name"] for row in rows)
    raise UnknownLayerError(f"there is no layer {name[:40]!r}; there are {known}", field="layer")


def channels_of(row: Layer) -> int:
    """How many channels, or units, a layer has."""
    return int(row["output_shape"][-1])


def chosen_channels(text: str | None, row: Layer) -> list[int]:
    """`"0,3,5-8"` as numbers in that order; all of the layer's channels if it is None.

    :raise InvalidParameterError: it is something else, or names a channel that is not there.
    """
    count = channels_of(row)
    if not text:
        return list(range(count))
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        try:
            low, high = int(first), int(last if dash else first)
        except ValueError:
            raise InvalidParameterError(
                f"channels are numbers and ranges such as 0,3,5-8, not {text[:40]!r}", field="channels"
            ) from None
        if not 0 <= low <= high < count:
            raise InvalidParameterError(
                f"{row['name']} has channels 0 to {count - 1}, not {part.strip()[:40]!r}", field="channels"
            )
        found += range(low, high + 1)
    return list(dict.fromkeys(found))
