"""Files that came with a version beside its model: read where this worker looks for models, and checked by its card."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from service.catalogue import ModelVersion
from service.errors import NotApplicableError

FOLDER: Final = "assets.extra"
_KEPT_FILES: Final = 16


def digest(version: ModelVersion, name: str) -> str | None:
    """The SHA-256 that the version's card states of the file `name` beside it; None: it came without such a file."""
    stated: dict[str, Any] = version.card.get("files", {}).get(f"{FOLDER}/{name}", {})
    return stated.get("sha256")


def content(models_dir: Path, version: ModelVersion, name: str, max_bytes: int) -> bytes:
    """The file, whole; kept for the next time. It must have a `digest`.

    :raise NotApplicableError: it is not there, longer than `max_bytes`, or not the one that the card states.
    """
    path = models_dir / version.name / str(version.version) / FOLDER / name
    try:
        return _checked(path, digest(version, name) or "", max_bytes)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise NotApplicableError(
            f"{name} of {version.name}/{version.version} cannot be used: {reason}", field="model"
        ) from None


@lru_cache(_KEPT_FILES)
def _checked(path: Path, sha256: str, max_bytes: int) -> bytes:
    with path.open("rb") as file:
        found = file.read(max_bytes + 1)
    if len(found) > max_bytes:
        raise ValueError(f"it has more than {max_bytes} bytes")
    if hashlib.sha256(found).hexdigest() != sha256:
        raise ValueError("it does not have the SHA-256 that the card states")
    return found
