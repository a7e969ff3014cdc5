"""What the fields of a layer may be; each function raises `ArchitectureError` that names the field."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any, get_args

from architectures.errors import ArchitectureError

LARGEST = 1_000_000


def require_count(field: str, value: object) -> None:
    """An integer from 1 to a million; more is a slip of the keyboard, and none of its arithmetic would mean a thing."""
    if type(value) is not int or not 1 <= value <= LARGEST:
        raise ArchitectureError(f"{field} must be a whole number from 1 to {LARGEST:,}, not {value!r}")


def require_share(field: str, value: object) -> None:
    """A number in [0, 1)."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value < 1.0:
        raise ArchitectureError(f"{field} must be a number in [0, 1), not {value!r}")


def require_flag(field: str, value: object) -> None:
    """True or False."""
    if not isinstance(value, bool):
        raise ArchitectureError(f"{field} must be true or false, not {value!r}")


def require_choice(field: str, value: object, choices: Any) -> None:
    """One of the values of a `Literal`."""
    known = get_args(choices)
    if value not in known:
        raise ArchitectureError(f"{field} {unknown(value, known)}")


def unknown(value: object, known: tuple[str, ...]) -> str:
    """The end of a message: what was given, what is close to it, and all there is."""
    close = get_close_matches(str(value), known, n=2, cutoff=0.5)
    hint = f"; did you mean {' or '.join(close)}?" if close else ""
    return f"cannot be {value!r}{hint} (there is: {', '.join(known)})"
