"""What stands behind the question mark of a native route, checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

from service.errors import InvalidParameterError

_POSITIVE = re.compile("[1-9][0-9]{0,17}")
"""As large as a version can be on the wire; some number theirs by the second or millisecond."""


def parse(query_string: bytes) -> dict[str, str]:
    """By name; of an argument given twice the first counts."""
    return dict(reversed(parse_qsl(query_string.decode(errors="replace"), keep_blank_values=True)))


def positive(arguments: Mapping[str, str], name: str) -> int | None:
    """A positive whole number; None if it is not given.

    :raise InvalidParameterError: it is none.
    """
    text = arguments.get(name)
    if text is None:
        return None
    if not _POSITIVE.fullmatch(text):
        raise InvalidParameterError(f"{name} must be a positive whole number, not {text[:40]!r}", field=name)
    return int(text)


def version_or_label(arguments: Mapping[str, str]) -> tuple[int | None, str | None]:
    """`version` and `label`, of which at most one is not None.

    :raise InvalidParameterError: both are given, or the version is no positive whole number.
    """
    version, label = positive(arguments, "version"), arguments.get("label") or None
    if version is not None and label is not None:
        raise InvalidParameterError("name a version or a label, not both", field="label")
    return version, label


def whole(arguments: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    """A whole number from `low` to `high`; `default` if it is not given.

    :raise InvalidParameterError: it is none.
    """
    text = arguments.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 18 and low <= int(text) <= high):
        raise InvalidParameterError(
            f"{name} must be a whole number from {low} to {high}, not {text[:40]!r}", field=name
        )
    return int(text)


def flag(arguments: Mapping[str, str], name: str) -> bool:
    """Whether `name` is true; it is not if it is not given.

    :raise InvalidParameterError: it is neither true nor false.
    """
    text = arguments.get(name, "false")
    if text not in ("true", "false"):
        raise InvalidParameterError(f"{name} must be true or false, not {text[:40]!r}", field=name)
    return text == "true"
