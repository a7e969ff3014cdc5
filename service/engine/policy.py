"""Which versions of a model are wanted, of those that there are."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

_POLICY = re.compile(r"all|latest:[1-9][0-9]*|specific:[1-9][0-9]*(,[1-9][0-9]*)*")


@dataclass(frozen=True, slots=True)
class Policy:
    """`"all"`, `"latest:N"` or `"specific:3,5"`, taken apart."""

    latest: int | None = None
    """The newest so many; None where another policy holds."""
    specific: frozenset[int] | None = None
    """These; None where another policy holds."""

    @classmethod
    def parse(cls, text: str) -> Policy:
        """:raise ValueError: it is none of the three."""
        if _POLICY.fullmatch(text) is None:
            raise ValueError(f'{text!r} is no version policy: "all", "latest:2", "specific:3,5"')
        kind, _, value = text.partition(":")
        if kind == "latest":
            return cls(latest=int(value))
        if kind == "specific":
            return cls(specific=frozenset(int(version) for version in value.split(",")))
        return cls()

    def wanted(self, present: Collection[int], refused: Collection[int], labelled: Collection[int]) -> set[int]:
        """Those of the versions `present` that should be in service.

        `refused` ones do not count among the latest, so that a broken newest version makes no sound one go. What a
        label points at is wanted under every policy.
        """
        if self.latest is not None:
            chosen = set(sorted(set(present) - set(refused), reverse=True)[: self.latest])
        elif self.specific is not None:
            chosen = set(self.specific)
        else:
            chosen = set(present)
        return (chosen | set(labelled)) & set(present)
