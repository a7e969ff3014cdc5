"""Sets of pictures to measure with: a folder or a zip that holds `manifest.csv` and the files it names."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

MANIFEST = "manifest.csv"
UNKNOWN = "–"


class PictureSetError(Exception):
    """The set cannot be read as one; the message says what is missing."""


@dataclass(frozen=True)
class Labelled:
    """One picture. `digit` is None where it shows none; `group` is who wrote it, or what else it shows."""

    name: str
    data: bytes
    digit: int | None
    style: str
    polarity: str
    group: str


def read_set(path: Path) -> list[Labelled]:
    """The pictures in the manifest's order. Columns: `file`, and for digits `label`, `style`, `polarity`,
    `writer_group`; for pictures of something else `kind` and `what` take the place of the last four.

    :raise PictureSetError: no such set, no manifest, a file that it names is missing, or a label that is no digit.
    """
    try:
        if path.is_dir():
            return _labelled(lambda name: (path / name).read_bytes())
        with zipfile.ZipFile(path) as archive:
            return _labelled(archive.read)
    except (OSError, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise PictureSetError(f"{path}: {error}") from error


def _labelled(read: Callable[[str], bytes]) -> list[Labelled]:
    rows = list(csv.DictReader(io.StringIO(read(MANIFEST).decode("utf-8-sig"))))
    if not rows:
        raise ValueError("the manifest names no pictures")
    return [
        Labelled(
            name=row["file"],
            data=read(row["file"]),
            digit=_digit(row["label"]) if "label" in row else None,
            style=row.get("style") or row.get("kind") or UNKNOWN,
            polarity=row.get("polarity") or UNKNOWN,
            group=row.get("writer_group") or row.get("what") or UNKNOWN,
        )
        for row in rows
    ]


def _digit(text: str) -> int:
    if len(text) != 1 or text not in "0123456789":
        raise ValueError(f"the label {text!r} is no digit")
    return int(text)
