"""A version appears in `models/` whole or not at all. Knows directories and digests, and nothing of what is in them.

    models/<name>/.staging-…/   filled, described, flushed to disk   ──rename──▶   models/<name>/<version>/

The name of the staging directory begins with a dot, by which whoever watches `models/` ignores it, and lies beside the
versions, since a rename is atomic within one file system alone. A run that is killed leaves at most a staging
directory behind.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.errors import PublishError
from training.replacing import alone, replace_content

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Finish = Callable[[Path, Mapping[str, Any]], None]

CARD = Path("assets.extra") / "card.json"
SCHEMA = 1


def publish(
    models_dir: Path,
    name: str,
    fill: Callable[[Path], Mapping[str, Any]],
    version: int | None = None,
    finish: Finish | None = None,
) -> Path:
    """Publish what `fill` writes as the next version of `name`, and return the version's directory.

    `fill` is given an empty directory, writes the model into it, and returns the card without `schema`, `name`,
    `version` and `files`, which are added here. `finish` may then add files that need the card, which it is given
    without `files`. The version is one more than the highest there is; of two publishers at the same time each gets one
    of its own. A `version` given is taken or refused.

    Raises `PublishError` when the directory cannot be written or the version asked for exists. Whatever happens,
    also in `fill`, no version is left behind but a whole one.
    """
    parent = models_dir / name
    try:
        parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(dir=parent, prefix=".staging-"))
    except OSError as error:
        raise PublishError(f"{parent} cannot be written: {error.strerror}") from error
    try:
        staging.chmod(0o755)  # mkdtemp makes it private, but others serve what is published
        card = fill(staging)
        try:
            return _place(staging, parent, name, card, version, finish)
        except OSError as error:
            raise PublishError(f"{parent} cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)  # after the rename there is none


def amend(version_dir: Path, add: Callable[[Path, Mapping[str, Any]], None]) -> None:
    """Let `add` write a file into a published version, given its directory and card, and list it on the card.

    Raises `PublishError` when the version is not what its card says, or cannot be written to.
    """
    try:
        with alone(version_dir):
            card = verify(version_dir)
            try:
                add(version_dir, card)
            finally:  # whatever it has done, the card tells
                document = {**card, "files": _digests(version_dir)}
                replace_content(version_dir / CARD, _text(document).encode(), version_dir.parent)
    except OSError as error:
        raise PublishError(f"{version_dir} cannot be written: {error.strerror}") from error


def require_place(models_dir: Path, name: str) -> None:
    """Find out, without writing anything, that versions of `name` can probably be written; before hours of training.

    Raises `PublishError` when the nearest directory there is cannot be written or is a file.
    """
    place = models_dir / name
    nearest = next(path for path in (place, *place.absolute().parents) if path.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise PublishError(f"{place} cannot be written: {nearest} is not a directory that may be written to")


def versions(models_dir: Path, name: str) -> list[int]:
    """The versions of `name` there are, ascending; empty when there is no such model."""
    parent = models_dir / name
    if not parent.is_dir():
        return []
    return sorted(int(entry.name) for entry in parent.iterdir() if entry.is_dir() and _is_version(entry.name))


def read_card(version_dir: Path) -> dict[str, Any]:
    """The card of a published version. Raises `PublishError` when there is none that can be read."""
    try:
        card: dict[str, Any] = json.loads((version_dir / CARD).read_bytes())
    except (OSError, ValueError) as error:
        raise PublishError(f"{version_dir} has no readable {CARD}: {error}") from error
    if not isinstance(card, dict):
        raise PublishError(f"{version_dir} has no readable {CARD}: it holds no JSON object")
    return card


def verify(version_dir: Path) -> dict[str, Any]:
    """The card of a published version, once every file has proved to be the one it lists.

    Raises `PublishError`, naming every file that is missing, changed or not listed.
    """
    card = read_card(version_dir)
    listed, present = card.get("files", {}), _digests(version_dir)
    faults = [f"{path} is missing" for path in listed if path not in present]
    faults += [f"{path} is not listed" for path in present if path not in listed]
    faults += [f"{path} has changed" for path in listed if path in present and listed[path] != present[path]]
    if faults:
        raise PublishError(f"{version_dir} is not what its card says: {'; '.join(sorted(faults))}")
    return card


def _place(
    staging: Path, parent: Path, name: str, card: Mapping[str, Any], version: int | None, finish: Finish | None
) -> Path:
    (staging / CARD).parent.mkdir(exist_ok=True)
    while True:
        chosen = version or max(versions(parent.parent, name), default=0) + 1
        document = {"schema": SCHEMA, "name": name, "version": chosen, **card}
        if finish is not None:
            finish(staging, document)
        document["files"] = _digests(staging)
        (staging / CARD).write_text(_text(document), encoding="utf-8")
        _flush_to_disk(staging)
        target = parent / str(chosen)
        try:
            staging.rename(target)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
            if version is not None:
                raise PublishError(f"{target} exists already") from error
            continue  # another publisher was faster; the next number is free
        _flush_entry(parent)
        return target


def _text(card: Mapping[str, Any]) -> str:
    return json.dumps(card, indent=1, ensure_ascii=False) + "\n"


def _digests(directory: Path) -> dict[str, dict[str, Any]]:
    paths = sorted(path for path in directory.rglob("*") if path.is_file() and path != directory / CARD)
    return {path.relative_to(directory).as_posix(): _digest(path.read_bytes()) for path in paths}


def _digest(content: bytes) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def _flush_to_disk(directory: Path) -> None:
    for path in sorted(directory.rglob("*"), reverse=True):  # what is in a directory before the directory
        _flush_entry(path)
    _flush_entry(directory)


def _flush_entry(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_version(name: str) -> bool:
    return name.isascii() and name.isdigit() and not name.startswith("0")
