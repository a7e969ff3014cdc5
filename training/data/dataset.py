"""The value object that training works on, and the digest check through which every published one of them has come."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from training.data.arrays import Arrays, decode_files
from training.data.idx import encode_idx
from training.errors import DataDigestError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from training.data.specs import DatasetSpec


@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled pictures in two parts.

    `x_train`, `x_test`: uint8 (N, H, W, C), one channel when they are grey. `y_train`, `y_test`: uint8 (N,), the index
    into `spec.labels`. The arrays are read-only. `source` says where they came from, without any local path:
    `"keras"`, `"directory"`, `"npm:<package>@<version>"`, `"debian:<package>"`, or for a user's own data `"idx"`,
    `"npz"` or `"folder"`. `options` are those of the command line by which a user's own data were read.
    """

    spec: DatasetSpec
    source: str
    x_train: NDArray[np.uint8]
    y_train: NDArray[np.uint8]
    x_test: NDArray[np.uint8]
    y_test: NDArray[np.uint8]
    options: tuple[str, ...] = ()

    def counts(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """How many pictures each class has to train on and to test with, int64 (K,) each."""
        classes = len(self.spec.labels)
        return np.bincount(self.y_train, minlength=classes), np.bincount(self.y_test, minlength=classes)


def from_raw_files(raw_files: Mapping[str, bytes], spec: DatasetSpec, source: str) -> Dataset:
    """Check the digests of the raw files and decode them.

    Raises `DataDigestError`, naming each file that is not what `spec` says, with both digests.
    """
    found = {name: hashlib.sha256(raw_files[name]).hexdigest() for name in spec.files}
    wrong = [name for name in spec.files if found[name] != spec.sha256[name]]
    if wrong:
        details = "; ".join(f"{name} has SHA-256 {found[name]} and not {spec.sha256[name]}" for name in wrong)
        raise DataDigestError(f"These files are not those of {spec.name}: {details}")
    arrays = decode_files(raw_files, spec)
    return Dataset(
        spec=spec,
        source=source,
        x_train=with_channels(arrays.x_train),
        y_train=arrays.y_train,
        x_test=with_channels(arrays.x_test),
        y_test=arrays.y_test,
    )


def array_digests(arrays: Arrays) -> dict[str, str]:
    """For each array by its name the SHA-256 of the IDX file that would hold it; one channel counts as none.

    So the digests of data given as IDX are those of the files themselves.
    """
    digests = {}
    for name, array in arrays._asdict().items():
        stored = array[..., 0] if array.ndim == 4 and array.shape[-1] == 1 else array
        digests[name] = hashlib.sha256(encode_idx(stored)).hexdigest()
    return digests


def with_channels(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(N, H, W) as (N, H, W, 1), a view; (N, H, W, C) as it is."""
    return images[..., None] if images.ndim == 3 else images
