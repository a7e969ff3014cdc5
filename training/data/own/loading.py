"""From a path to a `Dataset`: which reader, and what is done with what it found."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from training.data.arrays import Arrays
from training.data.dataset import Dataset, array_digests, with_channels
from training.data.own.checks import check_classes, check_part, check_same_shape, class_names
from training.data.own.folder import class_folders, read_folder
from training.data.own.holdout import hold_out
from training.data.own.idx_files import idx_parts, read_idx
from training.data.own.npz_file import read_npz
from training.data.own.reading import Part, Parts, Reading
from training.data.specs import DATASETS, DatasetSpec
from training.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

logger = logging.getLogger(__name__)


def load_own(path: Path, reading: Reading) -> Dataset:
    """The data at `path`: a directory of IDX files or of one subfolder per class, or an npz file, or a directory of one.

    Without a test part, one picture in six of every class is set aside for it, always the same ones. The digests in
    the spec are those of `array_digests`. Blocks while it reads; pictures take about 0.1 ms each at 28 × 28.

    Raises `ConfigurationError`, which names the file, the class or the picture at fault.
    """
    source, parts = _read(path, reading)
    if source != "folder" and (reading.size, reading.is_grey, reading.skip_unreadable) != (None, False, False):
        raise ConfigurationError(f"{reading} is for folders of pictures; {path} holds arrays, which are taken as is.")
    train, test = _two_parts(path, parts)
    check_same_shape(train, test)
    names = class_names(parts)
    check_classes(train, test, names)
    arrays = Arrays(with_channels(train.images), train.labels, with_channels(test.images), test.labels)
    for array in arrays:
        array.flags.writeable = False
    return Dataset(_spec(path, source, arrays, names, reading), source, *arrays, options=reading.arguments())


def _name(path: Path) -> str:
    """What goes on the card: the last part of the path, never all of it, and never a published data set's name."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem if path.is_file() else path.name).strip("-.") or "data"
    return f"own-{name}" if name in DATASETS else name


def _two_parts(path: Path, parts: Parts) -> tuple[Part, Part]:
    check_part(parts.train)
    if parts.test is not None:
        check_part(parts.test)
        return parts.train, parts.test
    train, test = hold_out(parts.train, parts.names)
    logger.info("%s has no test part: %s of its pictures are set aside for it", path, f"{len(test.labels):,}")
    return train, test


def _read(path: Path, reading: Reading) -> tuple[str, Parts]:
    if path.is_file():
        if path.suffix.lower() != ".npz":
            raise ConfigurationError(f"{path} is no .npz file; IDX files and pictures are given as their directory.")
        return "npz", read_npz(path)
    archives = sorted(path.glob("*.npz"))
    found = {"IDX files": bool(idx_parts(path)), "npz files": bool(archives), "subfolders": bool(class_folders(path))}
    kinds = [kind for kind, is_there in found.items() if is_there]
    if len(kinds) != 1:
        what = " and ".join(kinds) or "neither IDX files nor an npz file nor subfolders"
        raise ConfigurationError(
            f"{path} holds {what}. It takes one of: <part>-images…ubyte with <part>-labels…ubyte, raw or with .gz; "
            "one .npz with x_train and y_train; one subfolder of pictures per class."
        )
    if kinds == ["IDX files"]:
        return "idx", read_idx(path)
    if kinds == ["subfolders"]:
        return "folder", read_folder(path, reading)
    if len(archives) != 1:
        raise ConfigurationError(f"{path} holds {len(archives)} npz files; give one of them.")
    return "npz", read_npz(archives[0])


def _spec(path: Path, source: str, arrays: Arrays, names: tuple[str, ...], reading: Reading) -> DatasetSpec:
    height, width, channels = arrays.x_train.shape[1:]
    shape = (height, width, channels)
    preparation = reading.preparation or ("resize" if source == "folder" else "none")
    if preparation in ("mnist", "fashion") and shape != (28, 28, 1):
        raise ConfigurationError(
            f"--prepare {preparation} makes pictures of 28×28×1; those in {path} are {height}×{width}×{channels}."
        )
    return DatasetSpec(
        name=_name(path.resolve()),
        labels=names,
        preparation=preparation,
        sha256=array_digests(arrays),
        shape=shape,
        sizes=(len(arrays.y_train), len(arrays.y_test)),
        layout="arrays",
    )
