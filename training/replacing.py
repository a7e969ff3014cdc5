"""Files that others read while they are being changed: replaced in one step, by one writer at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def replace_content(path: Path, content: bytes, aside: Path | None = None) -> None:
    """Put `content` in the place of the file, and see it safely on disk. Raises `OSError`.

    Readers see the old file or the new one. Mode and owner stay; a new file can be read by everybody, like the
    versions beside it. Until then it lies in `aside`, a directory of the same file system (None: the file's own), under
    a name that begins with a dot, by which whoever watches `models/` ignores it.
    """
    old = path.stat() if path.exists() else None
    descriptor, name = tempfile.mkstemp(dir=aside or path.parent, prefix=f".{path.name}-")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if old is not None and (old.st_uid, old.st_gid) != (os.getuid(), os.getgid()):
                with contextlib.suppress(PermissionError):
                    os.fchown(descriptor, old.st_uid, old.st_gid)
            os.fchmod(descriptor, 0o644 if old is None else old.st_mode & 0o777)
            file.write(content)
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
