"""Small JSON files that others read while they are being changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from training.errors import PromotionError
from training.replacing import replace_content

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file; empty when there is no file. Raises `PromotionError` when it holds anything else."""
    try:
        document: Any = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise PromotionError(f"{path} cannot be read: {error}") from error
    if not isinstance(document, dict):
        raise PromotionError(f"{path} holds no JSON object")
    return document


def replace_object(path: Path, document: Mapping[str, Any]) -> None:
    """Put `document`, its keys sorted, in the place of the file, and see it safely on disk. Raises `OSError`."""
    replace_content(path, (json.dumps(document, sort_keys=True) + "\n").encode())
