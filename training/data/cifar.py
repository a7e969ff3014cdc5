"""CIFAR's two published formats.

The binary version is a row of records without a header: one byte for the class (CIFAR-100: one for the superclass
before it), then the red, the green and the blue plane, each row by row. It is the form whose digests are checked. The
Python version holds the same records in the same order, as a pickled dictionary for each file.
Source: "The CIFAR-10 dataset", the data sets' home page (Krizhevsky).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from training.data.pickles import load_plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

Pair = tuple["NDArray[np.uint8]", "NDArray[np.uint8]"]


def encode_records(
    arrays: Sequence[NDArray[np.uint8]], files: Sequence[str], superclass_of: Sequence[int] | None = None
) -> dict[str, bytes]:
    """The binary files that hold `arrays`: x_train, y_train, x_test, y_test; pictures uint8 (N, H, W, C).

    The last of `files` is the test part; the others share the training part evenly. Raises `ValueError` where they
    cannot.
    """
    x_train, y_train, x_test, y_test = arrays
    *train_files, test_file = files
    if len(x_train) % len(train_files) or not len(x_train) == len(y_train) or not len(x_test) == len(y_test):
        raise ValueError(f"{len(x_train)} pictures with {len(y_train)} labels do not fill {len(train_files)} files")
    each = len(x_train) // len(train_files)
    encoded = {
        name: _encode(x_train[at : at + each], y_train[at : at + each], superclass_of)
        for name, at in zip(train_files, range(0, len(x_train), each), strict=True)
    }
    return {**encoded, test_file: _encode(x_test, y_test, superclass_of)}


def decode_records(
    contents: Mapping[str, bytes], files: Sequence[str], shape: tuple[int, int, int], with_superclass: bool
) -> tuple[NDArray[np.uint8], ...]:
    """x_train, y_train, x_test and y_test out of binary files; pictures uint8 (N, H, W, C) of `shape`, all read-only.

    Raises `ValueError`, naming the file that is not a whole number of records.
    """
    *train_files, test_file = files
    parts = [_decode(contents[name], name, shape, with_superclass) for name in train_files]
    x_train, y_train = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    arrays = (x_train, y_train, *_decode(contents[test_file], test_file, shape, with_superclass))
    for array in arrays:
        array.flags.writeable = False
    return arrays


def decode_batch(content: bytes, label_key: str, shape: tuple[int, int, int]) -> Pair:
    """Pictures uint8 (N, H, W, C) and labels uint8 (N,) out of one file of the Python version.

    Nothing in the pickle can run code (`training.data.pickles`). Raises `ValueError` for anything but such a batch.
    """
    batch = load_plain(content)
    if not isinstance(batch, dict):
        raise ValueError("a pickle that holds no dictionary")  # noqa: TRY004 - it is the content that is at fault
    named = {key.decode("ascii", "replace") if isinstance(key, bytes) else key: value for key, value in batch.items()}
    data, labels = named.get("data"), named.get(label_key)
    height, width, channels = shape
    if not isinstance(data, np.ndarray) or data.ndim != 2 or data.shape[1] != math.prod(shape):
        raise ValueError(f"a batch whose `data` is no array of {math.prod(shape)} bytes a row")
    if not isinstance(labels, list) or len(labels) != len(data):
        raise ValueError(f"a batch without {len(data)} `{label_key}`")
    if not all(type(label) is int and 0 <= label < 256 for label in labels):
        raise ValueError(f"a batch with `{label_key}` that are no bytes")
    planes = data.reshape(-1, channels, height, width)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), np.array(labels, np.uint8)


def _encode(images: NDArray[np.uint8], labels: NDArray[np.uint8], superclass_of: Sequence[int] | None) -> bytes:
    if images.ndim != 4 or images.dtype != np.uint8:
        raise ValueError(f"pictures are uint8 (N, H, W, C), not {images.dtype} {images.shape}")
    columns = [np.asarray(superclass_of, np.uint8)[labels]] if superclass_of is not None else []
    columns.append(labels.astype(np.uint8))
    planes = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
    return np.concatenate([*(column[:, None] for column in columns), planes], axis=1).tobytes()


def _decode(content: bytes, name: str, shape: tuple[int, int, int], with_superclass: bool) -> Pair:
    height, width, channels = shape
    before = 2 if with_superclass else 1
    record = before + math.prod(shape)
    if not content or len(content) % record:
        raise ValueError(f"{name} has {len(content)} bytes, no whole number of records of {record}")
    records = np.frombuffer(content, np.uint8).reshape(-1, record)
    planes = records[:, before:].reshape(-1, channels, height, width)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), records[:, before - 1].copy()
