"""Which version is meant by `cnn`, `cnn/3` and `cnn/stable`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.errors import ConfigurationError
from training.promote import read_labels
from training.publish import versions

if TYPE_CHECKING:
    from pathlib import Path


def find_version(models_dir: Path, reference: str) -> Path:
    """The directory of the version that `reference` means: NAME (its latest), NAME/VERSION or NAME/LABEL.

    Raises `ConfigurationError` when there is none, and says which there are; `PromotionError` when the labels cannot
    be read.
    """
    name, _, wanted = reference.partition("/")
    there = versions(models_dir, name) if name and not name.startswith(".") else []
    if not there:
        known = ", ".join(model_names(models_dir)) or "none"
        raise ConfigurationError(f"There is no model {name!r} in {models_dir}; there is: {known}.")
    if not wanted:
        return models_dir / name / str(there[-1])
    labels = read_labels(models_dir / name)
    version = int(wanted) if wanted.isascii() and wanted.isdigit() else labels.get(wanted)
    if version not in there:
        known = ", ".join([*map(str, there), *sorted(labels)])
        raise ConfigurationError(f"{name} has no version {wanted!r}; versions and labels: {known}.")
    return models_dir / name / str(version)


def model_names(models_dir: Path) -> list[str]:
    """The models in `models_dir` that have a version, in alphabetical order."""
    entries = sorted(entry.name for entry in models_dir.iterdir()) if models_dir.is_dir() else []
    return [name for name in entries if not name.startswith(".") and versions(models_dir, name)]


def latest_versions(models_dir: Path) -> list[Path]:
    """The directory of the latest version of each model. Raises `ConfigurationError` when there is none at all."""
    found = [find_version(models_dir, name) for name in model_names(models_dir)]
    if not found:
        raise ConfigurationError(f"There is no model in {models_dir}.")
    return found
