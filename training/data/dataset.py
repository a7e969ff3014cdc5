"""The value object that training works on, and the digest check through which every one of them has come."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from training.data.idx import decode_idx
from training.data.specs import FILES, TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS, DatasetSpec
from training.errors import DataDigestError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled pictures in two parts.

    `x_train`, `x_test`: uint8 (N, H, W), 0 is background and 255 is ink. `y_train`, `y_test`: uint8 (N,), the index
    into `spec.labels`. The arrays are read-only. `source` says where they came from, without any local path:
    `"keras"`, `"directory"` or `"npm:<package>@<version>"`.
    """

    spec: DatasetSpec
    source: str
    x_train: NDArray[np.uint8]
    y_train: NDArray[np.uint8]
    x_test: NDArray[np.uint8]
    y_test: NDArray[np.uint8]


def from_raw_files(raw_files: Mapping[str, bytes], spec: DatasetSpec, source: str) -> Dataset:
    """Check the digests of the four raw IDX files and decode them.

    Raises `DataDigestError`, naming each file that is not what `spec` says, with both digests.
    """
    found = {name: hashlib.sha256(raw_files[name]).hexdigest() for name in FILES}
    wrong = [name for name in FILES if found[name] != spec.sha256[name]]
    if wrong:
        details = "; ".join(f"{name} has SHA-256 {found[name]} and not {spec.sha256[name]}" for name in wrong)
        raise DataDigestError(f"These files are not those of {spec.name}: {details}")
    return Dataset(
        spec=spec,
        source=source,
        x_train=decode_idx(raw_files[TRAIN_IMAGES]),
        y_train=decode_idx(raw_files[TRAIN_LABELS]),
        x_test=decode_idx(raw_files[TEST_IMAGES]),
        y_test=decode_idx(raw_files[TEST_LABELS]),
    )
