"""What remains of a version whose files are not kept: its card without what is large, as a small file of its own.

    docs/results/<name>.json

One key a line, so that a change can be read in a diff.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from training.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_KEPT = (
    "schema", "name", "version", "created", "command", "seed", "dataset", "hyperparameters", "teachers", "history",
    "calibration", "libraries", "git_commit",
)  # fmt: skip
_SCORES = ("accuracy", "correct", "total", "loss", "ece", "brier", "mistakes")
_NEEDED = ("name", "version", "command", "seed", "dataset", "architecture", "hyperparameters", "history", "metrics")


def record_of(card: Mapping[str, Any]) -> dict[str, Any]:
    """The record of a card; that of a record is the record."""
    architecture, metrics = card["architecture"], card["metrics"]
    validation = _scores(metrics["validation"])
    validation.pop("mistakes", None)
    return {
        **{key: card[key] for key in _KEPT if key in card},
        "architecture": {key: architecture[key] for key in ("name", "parameters", "macs")},
        "metrics": {"test": _scores(metrics["test"]), "validation": validation},
        "size_bytes": card["size_bytes"] if "size_bytes" in card else model_bytes(card),
    }


def model_bytes(card: Mapping[str, Any]) -> int:
    """The size of a version as a server loads it: without what lies beside it for people to read."""
    return sum(file["bytes"] for path, file in card["files"].items() if not path.startswith("assets.extra/"))


def record_path(directory: Path, name: str) -> Path:
    """Where the record of the model that was published under this name is kept."""
    return directory / f"{name}.json"


def write_record(record: Mapping[str, Any], directory: Path) -> Path:
    """Write it where `record_path` says, in the place of an older one. Raises `ConfigurationError` when it cannot."""
    path = record_path(directory, record["name"])
    try:
        directory.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".tmp")
        temporary.write_text(record_text(record), encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}") from error
    return path


def record_text(record: Mapping[str, Any]) -> str:
    """The content of its file."""
    lines = [f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in record.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def read_record(path: Path) -> dict[str, Any]:
    """Raises `ConfigurationError` for a file that is no record."""
    try:
        record: Any = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path} is no readable record: {error}") from error
    missing = [key for key in _NEEDED if not isinstance(record, dict) or key not in record]
    if missing:
        raise ConfigurationError(f"{path} is no record: it lacks {', '.join(missing)}.")
    found: dict[str, Any] = record
    return found


def read_records(directory: Path) -> list[dict[str, Any]]:
    """Every record in `directory`, by file name. Raises `ConfigurationError` when there is none, or one is broken."""
    paths = sorted(directory.glob("*.json"))
    if not paths:
        raise ConfigurationError(f"There is no record in {directory}.")
    return [read_record(path) for path in paths]


def _scores(metrics: Mapping[str, Any]) -> dict[str, Any]:
    return {key: metrics[key] for key in _SCORES if key in metrics}
