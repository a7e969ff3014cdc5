"""The four arrays of a data set, and the raw files that hold them: one format for each `DatasetSpec.layout`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from training.data.cifar import decode_records, encode_records
from training.data.idx import decode_idx, encode_idx
from training.data.specs import FILES

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from training.data.specs import DatasetSpec


class Arrays(NamedTuple):
    """Pictures uint8 (N, H, W) or (N, H, W, C), and labels uint8 (N,), to train on and to test with."""

    x_train: NDArray[np.uint8]
    y_train: NDArray[np.uint8]
    x_test: NDArray[np.uint8]
    y_test: NDArray[np.uint8]


def encode_files(arrays: Arrays, spec: DatasetSpec) -> dict[str, bytes]:
    """The raw files that hold `arrays`, by name, in the layout of `spec`. Raises `ValueError` for other shapes."""
    if spec.layout == "cifar":
        return encode_records(arrays, spec.files, spec.superclass_of)
    return {name: encode_idx(array) for name, array in zip(FILES, arrays, strict=True)}


def decode_files(files: Mapping[str, bytes], spec: DatasetSpec) -> Arrays:
    """The arrays in raw files of the layout of `spec`; read-only. Raises `ValueError` when they are not of it."""
    if spec.layout == "cifar":
        return Arrays(*decode_records(files, spec.files, spec.shape, spec.superclass_of is not None))
    return Arrays(*(decode_idx(files[name]) for name in FILES))
