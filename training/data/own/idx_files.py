"""IDX files of a user's own: `<part>-images…` with `<part>-labels…`, raw or with `.gz`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from training.data.idx import decode_idx
from training.data.own.checks import byte_images, byte_labels
from training.data.own.reading import Part, Parts
from training.data.sources import FILE_ERRORS, maybe_gunzip
from training.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

_NAME = re.compile(r"(?P<part>.+)[-_.](?P<what>images|labels)([-_.]idx\d)?([-_.]?ubyte|\.idx)?(\.gz)?", re.IGNORECASE)
_TRAIN, _TEST = ("train", "training"), ("t10k", "test")


def idx_parts(directory: Path) -> dict[str, dict[str, Path]]:
    """For each part found in `directory` its files, by `images` and `labels`.

    Raises `ConfigurationError` where one of them is there twice.
    """
    parts: dict[str, dict[str, Path]] = {}
    for path in sorted(directory.iterdir()):
        match = _NAME.fullmatch(path.name)
        if match is None or not path.is_file():
            continue
        files, what = parts.setdefault(match["part"].lower(), {}), match["what"].lower()
        if what in files:
            raise ConfigurationError(f"{directory} holds both {files[what].name} and {path.name}; one is enough.")
        files[what] = path
    return parts


def read_idx(directory: Path) -> Parts:
    """The parts in `directory`: `train` or the only one to train on, `t10k` or `test`, if there is one, to test with.

    Raises `ConfigurationError`, naming the file that is missing, unreadable or not what its name says.
    """
    found = idx_parts(directory)
    tests = [name for name in found if name in _TEST]
    others = [name for name in found if name not in _TEST]
    trains = [name for name in others if name in _TRAIN] or others
    if len(trains) != 1 or len(tests) > 1 or len(others) != 1:
        raise ConfigurationError(
            f"{directory} holds the parts {', '.join(sorted(found))}; it takes one to train on and at most one "
            f"called {' or '.join(_TEST)}."
        )
    train = _read_part(directory, trains[0], found[trains[0]])
    return Parts(train, _read_part(directory, tests[0], found[tests[0]]) if tests else None, None)


def _read_part(directory: Path, name: str, files: dict[str, Path]) -> Part:
    for what in ("images", "labels"):
        if what not in files:
            raise ConfigurationError(f"{directory} has no {name}-{what} beside {next(iter(files.values())).name}.")
    images, labels = files["images"], files["labels"]
    return Part(images.name, byte_images(_decode(images), images.name), byte_labels(_decode(labels), labels.name))


def _decode(path: Path) -> NDArray[np.uint8]:
    try:
        return decode_idx(maybe_gunzip(path.name.lower(), path.read_bytes()))
    except FILE_ERRORS as error:
        raise ConfigurationError(f"{path} cannot be read: {error}.") from error
