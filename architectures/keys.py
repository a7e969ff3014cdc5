"""The keys by which a preset is changed: `filterSize=5` and its like, from a command line or a sweep's grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from architectures.checks import LARGEST, unknown
from architectures.errors import ArchitectureError

KeyValue = str | int | float


@dataclass(frozen=True)
class Keys:
    """The keys `given` for the preset `name`, which takes those `known`; raises `ArchitectureError` for any other."""

    name: str
    given: Mapping[str, KeyValue]
    known: tuple[str, ...]

    def __post_init__(self) -> None:
        for key in self.given:
            if not self.known:
                raise ArchitectureError(f"{self.name} takes no keys; {key!r} was given.")
            if key not in self.known:
                raise ArchitectureError(f"A key of {self.name} {unknown(key, self.known)}.")

    def count(self, key: str, default: int, smallest: int = 1) -> int:
        """A whole number from `smallest` to a million, however it is written: 3, 3.0 or "3"."""
        value = self.given.get(key, default)
        number = _whole(value)
        if number is None or not smallest <= number <= LARGEST:
            raise ArchitectureError(
                f"{key} of {self.name} must be a whole number from {smallest} to {LARGEST:,}, not {value!r}."
            )
        return number

    def choice(self, key: str, default: Any, choices: tuple[str, ...]) -> Any:
        """One of the `choices`."""
        value = self.given.get(key, default)
        if value not in choices:
            raise ArchitectureError(f"{key} of {self.name} {unknown(value, choices)}.")
        return value


def parse_keys(settings: list[str]) -> dict[str, KeyValue]:
    """`["filterSize=5"]` as keys. Raises `ArchitectureError` for one without `=`, and for a key given twice."""
    keys: dict[str, KeyValue] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or not key or not value:
            raise ArchitectureError(f"--set takes key=value, not {setting!r}.")
        if key in keys:
            raise ArchitectureError(f"--set gives {key!r} twice.")
        keys[key] = value
    return keys


def _whole(value: KeyValue) -> int | None:
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
        return int(number) if number.is_integer() else None
    except (ValueError, OverflowError):
        return None
