"""One end of a connection, which never waits."""

from __future__ import annotations

import contextlib
import socket
from collections import deque
from collections.abc import Sequence

from service.transport.framing import Assembler, Frame, FramingError, head

READ_BYTES = 65_536
"""At a time. As much as a buffer may have before the allocator asks the kernel for each anew."""
LARGE_READ_BYTES = 1 << 20
READS_AT_ONCE = 64
"""Whoever sends without end must not be all that is listened to."""
MAX_UNSENT_BYTES = 256 << 20
"""So much waits for somebody who does not read; what comes on top is dropped."""
_BUFFERS_AT_ONCE = 1000  # the kernel takes 1,024


class Channel:
    """Takes over `sock`, connected or about to be. Not thread-safe."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._assembler = Assembler()
        self._unsent: deque[memoryview] = deque()
        self._unsent_bytes = 0
        self.is_gone = False
        """The other end hears nothing more. What it has said before is still to be read."""
        self.ended: str | None = None
        """Why nothing more will come; None: it may."""

    def fileno(self) -> int:
        """Of the socket; -1 once it is closed."""
        return self._sock.fileno()

    @property
    def is_amid(self) -> bool:
        """Whether a message has come in part."""
        return self._assembler.has_begun

    @property
    def unsent(self) -> bool:
        """Whether something waits until the other end has read: `flush` when the socket can be written to."""
        return bool(self._unsent)

    def send(self, frames: Sequence[Frame]) -> bool:
        """Send a message, as much of it as goes now and the rest by `flush`. What is in `frames` must not change until
        then. False: it was dropped, for the other end has gone or does not read.
        """
        if self.is_gone or self._unsent_bytes > MAX_UNSENT_BYTES:
            return False
        buffers = [head(frames), *frames]
        if self._unsent or len(buffers) > _BUFFERS_AT_ONCE:
            self._keep(buffers, 0)
            self.flush()
        else:
            self._keep(buffers, self._write(buffers))
        return not self.is_gone

    def flush(self) -> None:
        """Send what waits, as far as it goes now."""
        while self._unsent:
            buffers = [self._unsent[number] for number in range(min(len(self._unsent), _BUFFERS_AT_ONCE))]
            sent = self._write(buffers)
            if self.is_gone or not sent:
                return
            self._unsent_bytes -= sent
            while sent:
                first = self._unsent.popleft()
                if first.nbytes > sent:
                    self._unsent.appendleft(first[sent:])
                sent -= min(sent, first.nbytes)

    def receive(self) -> list[list[memoryview]]:
        """The messages that have come whole by now. When those were the last, `ended` says so.

        It reads until there is nothing left: a loop that has told of an error once, as uvloop does, tells of nothing more.
        """
        messages: list[list[memoryview]] = []
        for _ in range(READS_AT_ONCE):
            if self.ended is not None:
                break
            wanted = min(max(self._assembler.missing, READ_BYTES), LARGE_READ_BYTES)
            try:
                piece = self._sock.recv(wanted)
                messages += self._assembler.feed(piece)
            except BlockingIOError:
                break
            except (OSError, FramingError) as error:
                self._end(str(error))
                break
            if not piece:
                self._end("it has hung up")
        return messages

    def close(self) -> None:
        """Hang up. What was not sent is lost."""
        self._end("closed")
        self._sock.close()

    def _write(self, buffers: Sequence[Frame]) -> int:
        try:
            return self._sock.sendmsg(buffers)
        except BlockingIOError:
            return 0
        except OSError:
            self._give_up()
            with contextlib.suppress(OSError):
                self._sock.shutdown(socket.SHUT_RDWR)  # so that either end reads an end, whatever the error was
            return 0

    def _keep(self, buffers: Sequence[Frame], sent: int) -> None:
        """What is left of `buffers` after so many bytes waits."""
        if self.is_gone:
            return
        for buffer in buffers:
            size = memoryview(buffer).nbytes
            if sent >= size:
                sent -= size
                continue
            self._unsent.append(memoryview(buffer).cast("B")[sent:])
            self._unsent_bytes += size - sent
            sent = 0

    def _give_up(self) -> None:
        self.is_gone = True
        self._unsent.clear()
        self._unsent_bytes = 0

    def _end(self, why: str) -> None:
        self._give_up()
        if self.ended is None:
            self.ended = why
