"""A folder with one subfolder of pictures per class, perhaps under `train/` and `test/`.

Classes are numbered in natural order of their names ("2" before "10"), pictures are read in natural order of theirs, so
the same folder gives the same arrays on every machine.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from rich.console import Console
from rich.progress import track

from training.data.own.pictures import SUFFIXES, Header, PictureError, read_header, read_pixels
from training.data.own.reading import MAX_SIDE_PX, Part, Parts, Reading
from training.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

logger = logging.getLogger(__name__)
_Read = TypeVar("_Read")


def natural_order(name: str) -> tuple[object, ...]:
    """A key by which the numbers within names count as numbers."""
    parts = re.split(r"([0-9]+)", name)  # every second one is a number
    return tuple(int(part) if at % 2 else part for at, part in enumerate(parts)), name


def class_folders(directory: Path) -> list[Path]:
    """The subfolders, in natural order, without those that start with a dot or two underscores."""
    folders = [path for path in directory.iterdir() if path.is_dir() and not path.name.startswith((".", "__"))]
    return sorted(folders, key=lambda path: natural_order(path.name))


@dataclass(frozen=True)
class _Listed:
    """The pictures of one part: files with their class numbers."""

    name: str
    files: tuple[tuple[Path, int], ...]


def read_folder(directory: Path, reading: Reading) -> Parts:
    """The pictures in `directory`; grey only if all of them are, or `reading` wants it, else RGB.

    Raises `ConfigurationError`, naming the picture that cannot be read, the two whose sizes differ where `reading`
    gives none, a class without pictures, or one that is only in the test part.
    """
    folders = class_folders(directory)
    train_folder, test_folder = _part_folders(folders)
    if train_folder is None:
        names = [folder.name for folder in folders]
        listed = [_listed(directory, names)]
    else:
        names = [folder.name for folder in class_folders(train_folder)]
        listed = [_listed(train_folder, names)]
        if test_folder is not None:
            strangers = [folder.name for folder in class_folders(test_folder) if folder.name not in names]
            if strangers:
                raise ConfigurationError(f"{test_folder} has the class {strangers[0]!r}, which {train_folder} has not.")
            listed.append(_listed(test_folder, names, is_test=True))
    parts = _read_parts(listed, reading)
    return Parts(parts[0], parts[1] if len(parts) > 1 else None, tuple(names))


def _part_folders(folders: Sequence[Path]) -> tuple[Path | None, Path | None]:
    """`train` and `test`, when the classes are below them; a class may well be called so too."""
    by_name = {folder.name.lower(): folder for folder in folders}
    if "train" not in by_name or not class_folders(by_name["train"]):
        return None, None
    others = sorted(set(by_name) - {"train", "test"})
    if others:
        raise ConfigurationError(
            f"{folders[0].parent} has train, and beside it {', '.join(others)}; test alone may be."
        )
    return by_name["train"], by_name.get("test")


def _listed(directory: Path, names: Sequence[str], *, is_test: bool = False) -> _Listed:
    files: list[tuple[Path, int]] = []
    for label, name in enumerate(names):
        folder = directory / name
        found = [path for path in folder.iterdir() if _is_picture(path)] if folder.is_dir() else []
        if not found and not is_test:
            raise ConfigurationError(
                f"The class {name!r} is empty: {folder} has no picture ({', '.join(sorted(SUFFIXES))})."
            )
        files += [(path, label) for path in sorted(found, key=lambda path: natural_order(path.name))]
    return _Listed(str(directory), tuple(files))


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()


def _read_parts(listed: Sequence[_Listed], reading: Reading) -> list[Part]:
    looked_at = [(part.name, _each(part.files, f"looking at {part.name}", read_header, reading)) for part in listed]
    headers = {path: header for _, found in looked_at for path, _, header in found}
    if not headers:
        raise ConfigurationError(f"{listed[0].name} has no picture that can be read.")
    size = reading.size or _common_size(headers)
    is_grey = reading.is_grey or all(header.is_grey for header in headers.values())
    parts = []
    for name, found in looked_at:
        files = [(path, label) for path, label, _ in found]
        read = _each(files, f"reading {name}", lambda path: read_pixels(path, is_grey, size), reading)
        images = np.stack([pixels for _, _, pixels in read]) if read else np.empty((0, *size, 1), np.uint8)
        parts.append(Part(name, images, np.array([label for _, label, _ in read], np.uint8)))
    return parts


def _each(
    files: Sequence[tuple[Path, int]], title: str, read: Callable[[Path], _Read], reading: Reading
) -> list[tuple[Path, int, _Read]]:
    """Path, label and what `read` makes of each file, with progress on a terminal.

    Raises the first `PictureError`, unless unreadable pictures are to be left out; then they are logged by name.
    """
    found, unreadable = [], []
    console = Console(stderr=True)
    for path, label in track(files, title, console=console, transient=True, disable=not console.is_terminal):
        try:
            found.append((path, label, read(path)))
        except PictureError as error:
            if not reading.skip_unreadable:
                raise PictureError(
                    f"{error} Take it out, or leave out all such pictures by --skip-unreadable."
                ) from None
            unreadable.append(error)
    for fault in unreadable:
        logger.warning("left out: %s", fault)
    return found


def _common_size(headers: Mapping[Path, Header]) -> tuple[int, int]:
    """The size that all pictures have. Raises `ConfigurationError`, naming two that differ, or one too large."""
    (first, header), *others = headers.items()
    size = header.height, header.width
    for path, other in others:
        if (other.height, other.width) != size:
            raise ConfigurationError(
                f"The pictures differ in size: {first} is {size[0]}×{size[1]} (height × width), {path} is "
                f"{other.height}×{other.width}. Bring them to one by --size, such as --size 28x28."
            )
    if max(size) > MAX_SIDE_PX:
        raise ConfigurationError(
            f"The pictures are {size[0]}×{size[1]}, too large to train on. Make them smaller by --size, at most "
            f"{MAX_SIDE_PX}x{MAX_SIDE_PX}."
        )
    return size
