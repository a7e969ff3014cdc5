"""An npz file of a user's own: `x_train` and `y_train`, perhaps `x_test` and `y_test`, perhaps `labels`."""

from __future__ import annotations

import zipfile
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from training.data.own.checks import byte_images, byte_labels
from training.data.own.reading import Part, Parts
from training.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

# NotImplementedError: an unknown compression; RuntimeError: a password; MemoryError: a header that lies about the size.
_ERRORS = (
    OSError,
    EOFError,
    ValueError,
    zlib.error,
    zipfile.BadZipFile,
    NotImplementedError,
    RuntimeError,
    MemoryError,
)
_WANTED = ("x_train", "y_train", "x_test", "y_test", "labels")


def read_npz(path: Path) -> Parts:
    """The arrays in `path`; nothing in it is unpickled.

    Pictures are uint8 (N, H, W) or (N, H, W, C); labels are whole numbers (N,) or (N, 1); `labels` holds the class
    names as text. Raises `ConfigurationError`, naming the array that is missing or not what it should be.
    """
    arrays = _arrays(path)
    parts = {}
    for part in ("train", "test"):
        present = [name for name in (f"x_{part}", f"y_{part}") if name in arrays]
        if len(present) == 1:
            raise ConfigurationError(f"{path} has {present[0]} without the other of x_{part} and y_{part}.")
        if present:
            images, labels = (f"{name} in {path.name}" for name in present)
            parts[part] = Part(images, byte_images(arrays[present[0]], images), byte_labels(arrays[present[1]], labels))
    if "train" not in parts:
        raise ConfigurationError(f"{path} has no x_train and y_train; it has {', '.join(sorted(arrays)) or 'nothing'}.")
    return Parts(parts["train"], parts.get("test"), _names(arrays, path))


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with path.open("rb") as stream:
            stored = np.load(stream, allow_pickle=False)
            if isinstance(stored, np.ndarray):
                raise ConfigurationError(f"{path} is one array and not an archive of several.")
            with stored:  # what else is in there, pickles perhaps, is left alone
                return {name: np.asarray(stored[name]) for name in stored.files if name in _WANTED}
    except _ERRORS as error:
        raise ConfigurationError(f"{path} cannot be read: {error}.") from error


def _names(arrays: dict[str, NDArray[Any]], path: Path) -> tuple[str, ...] | None:
    if "labels" not in arrays:
        return None
    names = arrays["labels"]
    if names.ndim != 1 or names.dtype.kind not in "US":
        raise ConfigurationError(f"labels in {path.name} is {names.dtype} {names.shape}; class names are text (K,).")
    return tuple(name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name) for name in names.tolist())
