"""The compose files as values, with every `${NAME:-default}` replaced as with an empty environment."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
MAIN, GPU = ROOT / "docker-compose.yml", ROOT / "docker-compose.gpu.yml"
VARIABLE = re.compile(r"\$\{(\w+)(:-|:\?)([^}]*)\}")
PASSWORD = "chosen-by-whoever-runs-it"


def variables(path: Path) -> dict[str, str | None]:
    """Every variable of the file with its default; None for one that must be given."""
    text = re.sub(r"^#.*$", "", path.read_text(), flags=re.MULTILINE)
    found = {name: None if kind == ":?" else default for name, kind, default in VARIABLE.findall(text)}
    assert len(re.findall(r"\$\{?\w", text)) == len(VARIABLE.findall(text)), (
        f"{path.name} has a variable of another form"
    )
    return found


def read(path: Path) -> dict[str, Any]:
    """The file with defaults in place, and a password where one must be given."""
    text = VARIABLE.sub(lambda found: PASSWORD if found[2] == ":?" else found[3], path.read_text())
    document: dict[str, Any] = yaml.safe_load(text)
    return document


def mounts(service: dict[str, Any]) -> dict[str, tuple[str, bool]]:
    """By place in the container: (what is mounted there, whether it is read-only)."""
    found = {}
    for line in service.get("volumes", []):
        source, target, *options = line.split(":")
        found[target] = (source, options == ["ro"])
    return found


def temporary(service: dict[str, Any]) -> set[str]:
    """Where file systems in memory are mounted."""
    return {line.partition(":")[0] for line in service.get("tmpfs", [])}


def is_writable(service: dict[str, Any], path: str) -> bool:
    """Whether the container may write to `path`, its root file system being read-only."""
    writable = temporary(service) | {target for target, (_, read_only) in mounts(service).items() if not read_only}
    return any(PurePosixPath(path).is_relative_to(place) for place in writable)


def seconds(duration: str) -> float:
    """`"60s"`, `"1m"`, `"1m30s"`."""
    parts = re.fullmatch(r"(?:(\d+)m)?(?:(\d+)s)?", duration)
    assert parts, duration
    return int(parts[1] or 0) * 60 + int(parts[2] or 0)
