"""A message on a stream of bytes: how many frames, the length of each (little-endian uint32), and the frames.

3 | 41 | 512 | 64 | …41 bytes… | …512 bytes… | …64 bytes…
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

Frame = bytes | memoryview
MAX_FRAMES = 4096
MAX_MESSAGE_BYTES = 1 << 31
"""More of either comes from somebody who does not speak this."""
_NUMBER = struct.Struct("<I")


class FramingError(ValueError):
    """What came is no message; nothing on this stream can be made sense of any more."""


def head(frames: Sequence[Frame]) -> bytes:
    """What goes before the frames of a message."""
    lengths = [len(frame) if type(frame) is bytes else memoryview(frame).nbytes for frame in frames]
    return struct.pack(f"<{len(lengths) + 1}I", len(lengths), *lengths)


class Assembler:
    """Messages out of pieces as they happened to arrive. Frames are views of these pieces; only what came in several is
    copied, once.
    """

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._held = 0
        """Bytes in `_pieces`."""
        self._wanted = 4
        """Bytes before which another look is useless."""

    @property
    def missing(self) -> int:
        """How many bytes of a message that has begun are known to be still to come."""
        return max(0, self._wanted - self._held)

    @property
    def has_begun(self) -> bool:
        """Whether it holds the beginning of a message."""
        return self._held > 0

    def feed(self, piece: bytes) -> list[list[memoryview]]:
        """The messages that `piece` completes.

        :raise FramingError: it holds what is no message. To be fed no further.
        """
        self._held += len(piece)
        if self._held < self._wanted:
            self._pieces.append(piece)
            return []
        if self._pieces:
            self._pieces.append(piece)
            piece = b"".join(self._pieces)
            self._pieces.clear()
        messages = []
        start, view = 0, memoryview(piece)
        while True:
            size = _size(piece, start)
            if len(piece) - start < size:
                break
            messages.append(_frames(piece, view, start))
            start += size
        self._held, self._wanted = len(piece) - start, size
        if self._held:
            self._pieces.append(piece[start:] if start else piece)
        return messages


def _size(piece: bytes, start: int) -> int:
    """The bytes of the message at `start`, as far as is known: at least those that would tell more."""
    have = len(piece) - start
    if have < 4:
        return 4
    (count,) = _NUMBER.unpack_from(piece, start)
    if not 0 < count <= MAX_FRAMES:
        raise FramingError(f"a message of {count} frames")
    size: int = 4 + 4 * count
    if have >= size:
        size += sum(struct.unpack_from(f"<{count}I", piece, start + 4))
        if size > MAX_MESSAGE_BYTES:
            raise FramingError(f"a message of {size} bytes")
    return size


def _frames(piece: bytes, view: memoryview, start: int) -> list[memoryview]:
    (count,) = _NUMBER.unpack_from(piece, start)
    at = start + 4 + 4 * count
    frames = []
    for length in struct.unpack_from(f"<{count}I", piece, start + 4):
        frames.append(view[at : at + length])
        at += length
    return frames
