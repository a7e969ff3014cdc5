"""Why the model answers so: maps of what the answer hangs on, computed by signatures of the SavedModel."""

from __future__ import annotations

from typing import Any, Final, Literal, get_args

import numpy as np
import numpy.typing as npt

from service.catalogue import ModelVersion
from service.errors import InvalidParameterError, NotApplicableError
from service.inspection import formats, sheets, tiles

Method = Literal["saliency", "smoothgrad", "integrated_gradients", "grad_cam", "occlusion"]
METHODS: Final[tuple[Method, ...]] = get_args(Method)
_SIGNED: Final = frozenset({"integrated_gradients", "occlusion"})
_OPACITY: Final = 0.75
_LONGER_SIDE_PX: Final = 336


def method(asked: str | None, version: ModelVersion) -> Method:
    """The method asked for; the first that the version knows if none is.

    :raise InvalidParameterError: there is no such method.
    :raise NotApplicableError: this version cannot do it; the message lists those that it can.
    """
    able = [name for name in METHODS if name in version.signatures]
    if asked is None and able:
        return able[0]
    if asked is not None and asked not in METHODS:
        raise InvalidParameterError(f"method must be one of {', '.join(METHODS)}, not {asked[:40]!r}", field="method")
    for name in able:
        if name == asked:
            return name
    why = " (it has no feature maps)" if asked == "grad_cam" and able else ""
    raise NotApplicableError(
        f"{version.name}/{version.version} has no {asked or 'method'}{why}; it can do {', '.join(able) or 'none'}",
        field="method",
    )


def chosen_class(text: str | None, version: ModelVersion, predicted: int) -> int:
    """The class asked for, by its number or its name; `predicted` if none is.

    :raise InvalidParameterError: the model knows no such class.
    """
    if text is None:
        return predicted
    if text in version.labels:
        return version.labels.index(text)
    if text.isascii() and text.isdigit() and int(text) < len(version.labels):
        return int(text)
    known = ", ".join(version.labels[:12]) + (", …" if len(version.labels) > 12 else "")
    raise InvalidParameterError(f"there is no class {text[:40]!r}; there are {known}", field="class")


def layer_of(asked: str | None, version: ModelVersion) -> str:
    """Of which layer Grad-CAM's map is: the one asked for, else the last that has a map.

    :raise InvalidParameterError: there is no map of that layer.
    """
    able = [
        row["name"]
        for row in version.card["architecture"]["layers"]
        if row["name"] in version.signatures["grad_cam"].outputs
    ]
    if asked is None:
        return str(able[-1])
    if asked not in able:
        raise InvalidParameterError(f"grad_cam has maps of {', '.join(able)}, not of {asked[:40]!r}", field="layer")
    return asked


def scale(name: Method) -> tiles.Scale:
    """How a method's maps are painted."""
    return "signed" if name in _SIGNED else "heat"


def document(found: npt.NDArray[np.float32]) -> dict[str, Any]:
    """`{"map", "range", "sum"}` of a map (H, W)."""
    return {
        "map": formats.numbers(found),
        "range": [float(found.min()), float(found.max())],
        "sum": float(found.sum()),
    }


def picture(name: Method, found: npt.NDArray[np.float32], given: sheets.Picture) -> bytes:
    """A PNG of the map over the picture it is of."""
    return sheets.png(tiles.overlaid(given, found, scale(name), _OPACITY, _LONGER_SIDE_PX))
