"""Small JSON files that others read while they are being changed: replaced in one step, by one writer at a time."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.errors import PromotionError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file; empty when there is no file. Raises `PromotionError` when it holds anything else."""
    try:
        document: Any = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise PromotionError(f"{path} cannot be read: {error}") from error
    if not isinstance(document, dict):
        raise PromotionError(f"{path} holds no JSON object")
    return document


def replace_object(path: Path, document: Mapping[str, Any]) -> None:
    """Put `document`, its keys sorted, in the place of the file, and see it safely on disk. Raises `OSError`.

    Readers see the old file or the new one. Mode and owner stay; a new file can be read by everybody, like the
    versions beside it. The temporary file's name begins with a dot, by which whoever watches `models/` ignores it.
    """
    old = path.stat() if path.exists() else None
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if old is not None and (old.st_uid, old.st_gid) != (os.getuid(), os.getgid()):
                with contextlib.suppress(PermissionError):
                    os.fchown(descriptor, old.st_uid, old.st_gid)
            os.fchmod(descriptor, 0o644 if old is None else old.st_mode & 0o777)
            file.write((json.dumps(document, sort_keys=True) + "\n").encode())
            file.flush()
            os.fsync(descriptor)
        temporary.replace(path)
    except BaseException:
        temporary.unlink()
        raise
    with _opened(path.parent) as directory:
        os.fsync(directory)


@contextlib.contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Wait until nobody else is between these two lines for this directory; the kernel lets go of whoever dies there."""
    with _opened(directory) as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _opened(directory: Path) -> Iterator[int]:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
