"""Which model versions lie in a directory, and whether each is whole."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

CARD = Path("assets.extra") / "card.json"
CONVERTED = CARD.with_name("prediction.tflite")
"""The prediction as LiteRT runs it, if the card lists it."""
CARD_SCHEMA = 1
Key = tuple[str, int]
"""(model, version)"""
Fingerprint = tuple[tuple[str, int, int, int], ...]
"""Of each file: its path, inode, time of change in nanoseconds, size in bytes."""
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
    fingerprint: Fingerprint = ()

    @property
    def key(self) -> Key:
        return self.name, self.version

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
            # What is only shown beside the model is checked by whoever shows it: the model answers without it.
            if not relative.startswith(f"{CARD.parent.name}/") or relative == str(CONVERTED):
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


def scan(models_dir: Path) -> dict[str, dict[int, Candidate]]:
    """Every version that lies in `models_dir`, by model and number.

    A directory whose name is no positive integer, plainly written, is no version: that keeps half-written ones out.
    A model is listed as soon as its directory is there, without versions too.

    :raise OSError: `models_dir` cannot be read.
    """
    found: dict[str, dict[int, Candidate]] = {}
    for model in sorted(models_dir.iterdir()):
        if model.name.startswith("."):
            continue
        # A directory may go while it is looked at.
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            versions = [d for d in model.iterdir() if _VERSION.fullmatch(d.name) and d.is_dir()]
            found[model.name] = {
                int(path.name): Candidate(model.name, int(path.name), path, fingerprint(path)) for path in versions
            }
    return found


def fingerprint(version: Path) -> Fingerprint:
    """Changes whenever a file in `version` is written, replaced, added or removed. Reads no contents."""
    files = []
    for directory, _, names in os.walk(version):
        for name in names:
            path = Path(directory, name)
            with contextlib.suppress(FileNotFoundError):
                stat = path.stat()
                files.append((str(path.relative_to(version)), stat.st_ino, stat.st_mtime_ns, stat.st_size))
    return tuple(sorted(files))
