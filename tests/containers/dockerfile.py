"""The Dockerfile and what `.dockerignore` lets through, as values: read here, never run."""

from __future__ import annotations

import functools
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[2]
PATH = ROOT / "Dockerfile"


@dataclass(frozen=True)
class Stage:
    """One FROM and what follows it: `base` is an image or an earlier stage, instructions are (word, rest)."""

    name: str
    base: str
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def all(self, word: str) -> list[str]:
        return [rest for found, rest in self.instructions if found == word]

    def one(self, word: str) -> str:
        """What stands behind the only instruction of this kind."""
        found = self.all(word)
        assert len(found) == 1, f"{self.name} has {len(found)} {word}"
        return found[0]

    def environment(self) -> dict[str, str]:
        return dict(pair.split("=", 1) for line in self.all("ENV") for pair in line.split())

    def arguments(self) -> dict[str, str]:
        """ARG by name; empty without a default."""
        return {name: value for name, _, value in (line.partition("=") for line in self.all("ARG"))}

    def copies(self) -> list[tuple[str | None, list[str], str]]:
        """(stage copied from or None for the context, sources, destination) of every COPY."""
        found = []
        for line in self.all("COPY"):
            flag = re.match(r"--from=(\S+)\s+", line)
            *sources, destination = line[flag.end() if flag else 0 :].split()
            found.append((flag[1] if flag else None, sources, destination))
        return found

    def exec_form(self, word: str) -> list[str]:
        """The words of an instruction written as a JSON list, so that no shell reads it."""
        text = self.one(word)
        words: list[str] = json.loads(text[text.index("[") :])
        return words


def instructions() -> Iterator[tuple[str, str]]:
    """Every instruction of the file, on one line each, without comments."""
    lines = (line for line in PATH.read_text().splitlines() if not line.lstrip().startswith("#"))
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    for line in filter(None, map(str.strip, joined.splitlines())):
        word, _, rest = line.partition(" ")
        yield word, rest.strip()


def read() -> tuple[dict[str, str], dict[str, Stage]]:
    """The arguments before the first stage, and the stages by name."""
    before = Stage("", "")
    stages: dict[str, Stage] = {}
    current = before
    for word, rest in instructions():
        if word == "FROM":
            base, _, name = rest.split()
            current = stages[name] = Stage(name, base)
        else:
            current.instructions.append((word, rest))
    return before.arguments(), stages


def expand(text: str, values: Mapping[str, str]) -> str:
    """`${NAME}` replaced; fails on a name that has no value."""
    return re.sub(r"\$\{(\w+)\}", lambda found: values[found[1]], text)


def is_ignored(path: PurePosixPath, patterns: list[str]) -> bool:
    """As the builder does it: the last pattern that fits the path or a directory above it decides."""
    ignored = False
    for pattern in patterns:
        wanted = pattern.removeprefix("!")
        if any(_fits(part, wanted) for part in (path, *path.parents) if part != PurePosixPath()):
            ignored = not pattern.startswith("!")
    return ignored


@functools.cache
def context_files() -> frozenset[PurePosixPath]:
    """Every file of the checkout that reaches the builder."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    patterns = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    excepted = [PurePosixPath(pattern[1:]) for pattern in patterns if pattern.startswith("!")]
    found = set()
    for folder, folders, files in os.walk(ROOT):
        place = PurePosixPath(Path(folder).relative_to(ROOT).as_posix())
        found |= {place / name for name in files if not is_ignored(place / name, patterns)}
        folders[:] = [
            name
            for name in folders
            if not is_ignored(place / name, patterns) or any(path.is_relative_to(place / name) for path in excepted)
        ]
    return frozenset(found)


def _fits(path: PurePosixPath, pattern: str) -> bool:
    wanted, parts = pattern.split("/"), path.parts
    if wanted[0] == "**":  # any number of directories, none included
        return len(parts) >= len(wanted) - 1 and _fit_all(parts[len(parts) - len(wanted) + 1 :], wanted[1:])
    return len(parts) == len(wanted) and _fit_all(parts, wanted)


def _fit_all(parts: tuple[str, ...], wanted: list[str]) -> bool:
    return all(fnmatchcase(part, one) for part, one in zip(parts, wanted, strict=True))
