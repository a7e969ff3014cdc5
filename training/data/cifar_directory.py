"""CIFAR in a directory, in any of the forms in which people have it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from training.data.arrays import Arrays, encode_files
from training.data.cifar import decode_batch
from training.data.errors import SourceError
from training.data.sources import from_directory, from_tarball

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from training.data.specs import Archives, DatasetSpec


def from_cifar_directory(directory: Path, spec: DatasetSpec, archives: Archives) -> dict[str, bytes]:
    """The binary version's files, out of whichever of these is there:

    the binary version, in `directory`, in its folder or in its archive; the Python version, likewise; or `<name>.npz`.
    The Python version's archive must have the digest known for it before any of it is unpickled. Raises `SourceError`.
    """
    if not directory.is_dir():
        raise SourceError(f"{directory} is not a directory")
    for folder in (directory, directory / archives.binary_folder):
        if all((folder / name).is_file() or (folder / f"{name}.gz").is_file() for name in spec.files):
            return from_directory(folder, spec)
    if (directory / archives.binary).is_file():
        return _from_archive(directory / archives.binary, spec.files)
    for folder in (directory, directory / archives.python_folder):
        if all((folder / name).is_file() for name in archives.batches):
            return _from_batches({name: _read(folder / name) for name in archives.batches}, spec, archives)
    if (directory / archives.python).is_file():
        _require_digest(directory / archives.python, archives.python_sha256)
        return _from_batches(_from_archive(directory / archives.python, archives.batches), spec, archives)
    if (directory / f"{spec.name}.npz").is_file():
        return from_directory(directory, spec)
    raise SourceError(f"{directory} has none of {', '.join(wanted(spec, archives))}")


def wanted(spec: DatasetSpec, archives: Archives) -> tuple[str, ...]:
    """What is looked for in a directory, in the order in which it is preferred."""
    return (
        f"{archives.binary_folder}/",
        archives.binary,
        f"{archives.python_folder}/",
        archives.python,
        f"{spec.name}.npz",
    )


def _from_batches(batches: Mapping[str, bytes], spec: DatasetSpec, archives: Archives) -> dict[str, bytes]:
    parts = []
    for name in archives.batches:
        try:
            parts.append(decode_batch(batches[name], archives.label_key, spec.shape))
        except ValueError as error:
            raise SourceError(f"{name}: {error}") from error
    *training, (x_test, y_test) = parts
    x_train, y_train = (np.concatenate(arrays) for arrays in zip(*training, strict=True))
    try:
        return encode_files(Arrays(x_train, y_train, x_test, y_test), spec)
    except (ValueError, IndexError) as error:
        raise SourceError(f"the batches do not hold {spec.name}: {error}") from error


def _from_archive(path: Path, names: tuple[str, ...]) -> dict[str, bytes]:
    try:
        with path.open("rb") as stream:
            return from_tarball(stream, names, path.name)
    except OSError as error:
        raise SourceError(f"{path.name} cannot be read: {error}") from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path.name} cannot be read: {error}") from error


def _require_digest(path: Path, sha256: str) -> None:
    try:
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise SourceError(f"{path.name} cannot be read: {error}") from error
    if found != sha256:
        raise SourceError(f"{path.name} has SHA-256 {found} and not {sha256}, so it is not unpickled")
