"""Which model versions lie in a directory, and whether each is whole."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

CARD = Path("assets.extra") / "card.json"
CARD_SCHEMA = 1
_VERSION = re.compile("[1-9][0-9]{0,17}")


class RefusedVersionError(Exception):
    """The directory is no version that can be served; the message says why."""


class _File(msgspec.Struct):
    sha256: str


class _Input(msgspec.Struct):
    shape: tuple[int, int, int]


class _Card(msgspec.Struct):
    """What the service relies on; a card holds much more."""

    schema: int
    name: str
    version: int
    files: dict[str, _File]
    labels: list[str]
    input: _Input


@dataclass(frozen=True, slots=True)
class Candidate:
    """A directory that may hold a version: `<models_dir>/<name>/<version>`."""

    name: str
    version: int
    path: Path

    def read_card(self) -> dict[str, Any]:
        """The version's card, once every file it lists has the SHA-256 it states.

        :raise RefusedVersionError: the card is missing, unreadable or incomplete, or a file is missing or altered.
        """
        try:
            card: dict[str, Any] = json.loads((self.path / CARD).read_bytes())
        except FileNotFoundError:
            raise RefusedVersionError(f"{CARD} is missing: half-written, or not made by this project") from None
        except (OSError, ValueError) as error:
            raise RefusedVersionError(f"{CARD} cannot be read: {error}") from error
        try:
            needed = msgspec.convert(card, _Card)
        except msgspec.ValidationError as error:
            raise RefusedVersionError(f"{CARD} is not as it should be: {error}") from error
        if needed.schema != CARD_SCHEMA:
            raise RefusedVersionError(f"{CARD} has schema {needed.schema}; this service reads {CARD_SCHEMA}")
        if (needed.name, needed.version) != (self.name, self.version):
            raise RefusedVersionError(
                f"{CARD} is of {needed.name}/{needed.version}, the directory is {self.name}/{self.version}"
            )
        for relative, stated in needed.files.items():
            self._check(relative, stated)
        return card

    def _check(self, relative: str, stated: _File) -> None:
        path = self.path / relative
        try:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            raise RefusedVersionError(f"{relative} cannot be read: {error.strerror}") from error
        if digest != stated.sha256:
            raise RefusedVersionError(f"{relative} does not have the SHA-256 that {CARD} states")


def candidates(models_dir: Path, policy: str) -> list[Candidate]:
    """The versions that `policy` (`"all"`, `"latest:N"`) asks for, by name, newest first.

    A directory whose name is no positive integer, plainly written, is no version: that keeps half-written ones out.
    """
    keep = None if policy == "all" else int(policy.removeprefix("latest:"))
    found: list[Candidate] = []
    if not models_dir.is_dir():
        return found
    for model in sorted(models_dir.iterdir()):
        if not model.is_dir() or model.name.startswith("."):
            continue
        versions = sorted(
            (int(d.name) for d in model.iterdir() if d.is_dir() and _VERSION.fullmatch(d.name)), reverse=True
        )
        found += [Candidate(model.name, version, model / str(version)) for version in versions[:keep]]
    return found
