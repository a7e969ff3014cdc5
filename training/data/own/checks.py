"""What must hold of a user's own data, whatever their form. Each check raises `ConfigurationError`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from training.data.own.reading import MAX_CLASSES, MAX_SIDE_PX, Part, Parts
from training.errors import ConfigurationError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def byte_images(array: NDArray[Any], name: str) -> NDArray[np.uint8]:
    """`array` when it holds pictures: uint8 (N, H, W) or (N, H, W, C) with 1 or 3 channels."""
    if array.dtype != np.uint8:
        raise ConfigurationError(f"{name} holds {array.dtype}; pictures are uint8, 0 to 255.")
    if array.ndim not in (3, 4) or (array.ndim == 4 and array.shape[3] not in (1, 3)):
        raise ConfigurationError(
            f"{name} has shape {array.shape}; pictures are (N, H, W), (N, H, W, 1) or (N, H, W, 3)."
        )
    return array


def byte_labels(array: NDArray[Any], name: str) -> NDArray[np.uint8]:
    """Whole numbers (N,) or (N, 1) as uint8 (N,)."""
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise ConfigurationError(f"{name} is {array.dtype} {array.shape}; labels are whole numbers (N,).")
    if len(array) and not 0 <= int(array.min()) <= int(array.max()) < MAX_CLASSES:
        raise ConfigurationError(
            f"{name} has labels from {array.min()} to {array.max()}; they are 0 to {MAX_CLASSES - 1} at most."
        )
    return array.astype(np.uint8)


def check_part(part: Part) -> None:
    """There are pictures, each has a label, and none is too large or empty."""
    count, height, width = part.images.shape[:3]
    if count != len(part.labels):
        raise ConfigurationError(f"{part.name} has {count} pictures and {len(part.labels)} labels.")
    if count == 0:
        raise ConfigurationError(f"{part.name} has no pictures.")
    if not (1 <= height <= MAX_SIDE_PX and 1 <= width <= MAX_SIDE_PX):
        raise ConfigurationError(f"{part.name} has pictures of {height}×{width}; sides are 1 to {MAX_SIDE_PX} pixels.")


def check_same_shape(train: Part, test: Part) -> None:
    """Both parts have pictures of one size."""
    one, other = ("×".join(map(str, part.images.shape[1:])) for part in (train, test))
    if one != other:
        raise ConfigurationError(f"{train.name} has pictures of {one}, {test.name} of {other}; they must be alike.")


def class_names(parts: Parts) -> tuple[str, ...]:
    """The names given, else the numbers up to the largest label to train on."""
    if parts.names is None:
        return tuple(str(number) for number in range(int(parts.train.labels.max()) + 1))
    twice = sorted({name for name in parts.names if parts.names.count(name) > 1})
    if twice or not all(parts.names):
        raise ConfigurationError(f"Class names are given once and not empty; {', '.join(twice) or 'one is empty'}.")
    return parts.names


def check_classes(train: Part, test: Part, names: tuple[str, ...]) -> None:
    """There are two classes or more, labels stay within their names, and each has pictures to train on."""
    if not 2 <= len(names) <= MAX_CLASSES:
        raise ConfigurationError(f"There are 2 to {MAX_CLASSES} classes to tell apart; here it is {len(names)}.")
    for part in (train, test):
        largest = int(part.labels.max())
        if largest >= len(names):
            raise ConfigurationError(
                f"{part.name} has the label {largest}; with {len(names)} classes {len(names) - 1} is the last."
            )
    counts = np.bincount(train.labels, minlength=len(names))
    empty = [repr(name) for name, count in zip(names, counts, strict=True) if count == 0]
    if empty:
        raise ConfigurationError(f"{train.name} has no picture of the class {', '.join(empty[:10])}.")
