"""What makes two trials the same: a digest of everything that decides the result, the code and the machine apart."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


def document_of(value: Any) -> Any:
    """`value` as JSON has it. A dataclass keeps its type's name, since two kinds of layer may have the same fields.

    Raises `TypeError` for what has no such form.
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {"type": type(value).__name__} | {
            field.name: document_of(getattr(value, field.name)) for field in fields(value)
        }
    if isinstance(value, dict):
        return {str(key): document_of(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [document_of(entry) for entry in value]
    if isinstance(value, Path):
        return str(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def digest_of(document: Mapping[str, Any]) -> str:
    """SHA-256 of a JSON document, in hexadecimal; the order of its keys does not count."""
    return hashlib.sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def digest_of_arrays(*arrays: NDArray[Any]) -> str:
    """SHA-256 of arrays with their shapes and dtypes, in hexadecimal."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
