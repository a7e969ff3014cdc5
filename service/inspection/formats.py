"""In which form an answer goes out: JSON, an array as `.npy`, or a picture."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from service.errors import InvalidParameterError

Format = Literal["json", "npy", "png", "html"]
MEDIA_TYPES: Final[dict[Format, str]] = {
    "json": "application/json",
    "npy": "application/x-npy",
    "png": "image/png",
    "html": "text/html",
}
_SIGNIFICANT_DIGITS: Final = 6


def chosen(asked: str | None, best_match: Callable[[Sequence[str]], str | None], offered: Sequence[Format]) -> Format:
    """Which of `offered`: what `?format=` says, else what suits `Accept` best, else the first.

    :raise InvalidParameterError: `asked` is none of them.
    """
    if asked is not None:
        for name in offered:
            if asked == name:
                return name
        raise InvalidParameterError(f"format must be one of {', '.join(offered)}, not {asked[:40]!r}", field="format")
    by_type = {MEDIA_TYPES[name]: name for name in offered}
    return by_type.get(best_match(list(by_type)) or "", offered[0])


def numbers(values: npt.NDArray[Any]) -> Any:
    """Nested lists of floats with six significant digits: as exact as float32 is, and half as long."""
    if values.size == 0:
        return values.tolist()
    magnitude = np.floor(np.log10(np.maximum(np.abs(values.astype(np.float64)), 1e-30)))
    factor = 10.0 ** (_SIGNIFICANT_DIGITS - 1 - magnitude)
    return (np.rint(values * factor) / factor).tolist()


def npy(values: npt.NDArray[Any]) -> bytes:
    """`values` as a `.npy` file."""
    file = io.BytesIO()
    np.save(file, values, allow_pickle=False)
    return file.getvalue()
