"""The engine's end: everybody who has connected, waited for in one place."""

from __future__ import annotations

import contextlib
import itertools
import select
import socket
import time
from collections.abc import Iterator, Sequence

from service import logs
from service.transport.addresses import listen, prepare
from service.transport.channel import Channel
from service.transport.framing import Frame

log = logs.get(__name__)

ACCEPT_AGAIN_SECONDS = 1.0


class Hub:
    """Belongs to one thread, but for `wake`."""

    def __init__(self) -> None:
        self._listener: socket.socket | None = None
        self._numbers = itertools.count(1)
        self._peers: dict[bytes, Channel] = {}
        self._names: dict[int, bytes] = {}
        """Of the peers, by the descriptors of their sockets."""
        self._readable: list[bytes] = []
        self._came = False
        self._accept_again_seconds: float | None = None
        self._poller = select.poll()
        # What is no message can end a wait, too.
        self._wake_read, self._wake_write = socket.socketpair()
        for end in (self._wake_read, self._wake_write):
            end.setblocking(False)
        self._poller.register(self._wake_read, select.POLLIN)

    # --- life

    def bind(self, endpoint: str) -> None:
        """Whoever dials `endpoint` from now on is heard.

        :raise OSError: the address cannot be had.
        """
        self._listener = listen(endpoint)
        self._poller.register(self._listener, select.POLLIN)

    def close(self, linger_seconds: float = 0.0) -> None:
        """Hang up on everybody, after they have been sent what they were owed or `linger_seconds` have passed."""
        until = time.monotonic() + linger_seconds
        while any(peer.unsent for peer in self._peers.values()) and (left := until - time.monotonic()) > 0:
            self.wait(int(left * 1000) + 1)
            self.ignore()
        for name in list(self._peers):
            self._drop(name)
        for sock in (self._listener, self._wake_read, self._wake_write):
            if sock is not None:
                sock.close()

    # --- waiting

    @property
    def wake_descriptor(self) -> int:
        """What is written here ends a wait, as `signal.set_wakeup_fd` does."""
        return self._wake_write.fileno()

    def wake(self) -> None:
        """End a wait, from whatever thread."""
        with contextlib.suppress(OSError):  # full: it will wake up all the same; closed: it is over
            self._wake_write.send(b"\0")

    def wait(self, timeout_ms: int | None) -> None:
        """Until there is something to `receive`, somebody wakes us, or `timeout_ms` have passed; None: for ever."""
        self._readable.clear()
        if self._accept_again_seconds is not None:
            timeout_ms = self._pause_accepting(self._accept_again_seconds, timeout_ms)
        for descriptor, events in self._poller.poll(timeout_ms):
            name = self._names.get(descriptor)
            if name is not None:
                if events & select.POLLOUT:
                    self._flush(name)
                if events & ~select.POLLOUT:
                    self._readable.append(name)
            elif descriptor == self._wake_read.fileno():
                with contextlib.suppress(BlockingIOError):
                    self._wake_read.recv(4096)
            elif self._listener is not None:
                self._accept(self._listener)

    # --- messages

    @property
    def is_amid(self) -> bool:
        """Whether something came last time, and a message has come in part."""
        return self._came and any(peer.is_amid for peer in self._peers.values())

    def receive(self) -> Iterator[tuple[bytes, list[memoryview]]]:
        """What the last `wait` found: from whom, and the frames."""
        readable, self._readable = self._readable, []
        self._came = bool(readable)
        for name in readable:
            peer = self._peers[name]
            for frames in peer.receive():
                yield name, frames
            if peer.ended is not None:
                self._drop(name)

    def ignore(self) -> None:
        """Drop what the last `wait` found, so that the next does not find it again."""
        for _ in self.receive():
            pass

    def send(self, name: bytes, frames: Sequence[Frame]) -> bool:
        """Send a message to a peer. False: it does not read, and the message was dropped; who has gone misses nothing."""
        peer = self._peers.get(name)
        if peer is None:
            return True
        waited = peer.unsent
        sent = peer.send(frames)
        if peer.unsent and not waited:
            self._poller.modify(peer.fileno(), select.POLLIN | select.POLLOUT)
        return sent or peer.is_gone

    # --- who is there

    def _accept(self, listener: socket.socket) -> None:
        try:
            sock, _ = listener.accept()
        except (BlockingIOError, ConnectionError):  # gone again already
            return
        except OSError as error:  # no descriptors left: it would be told of the same caller again and again
            log.error("accept_failed", error=str(error))
            self._poller.unregister(listener)
            self._accept_again_seconds = time.monotonic() + ACCEPT_AGAIN_SECONDS
            return
        prepare(sock)
        name = b"%d" % next(self._numbers)
        self._peers[name] = Channel(sock)
        self._names[sock.fileno()] = name
        self._poller.register(sock, select.POLLIN)

    def _pause_accepting(self, again_seconds: float, timeout_ms: int | None) -> int | None:
        """How long to wait at most while nobody is accepted; from the moment on, whoever has waited is."""
        left_ms = max(0, int(1000 * (again_seconds - time.monotonic())) + 1)
        if time.monotonic() < again_seconds:
            return left_ms if timeout_ms is None else min(left_ms, timeout_ms)
        self._accept_again_seconds = None
        if self._listener is not None:
            self._poller.register(self._listener, select.POLLIN)
        return timeout_ms

    def _flush(self, name: bytes) -> None:
        peer = self._peers[name]
        peer.flush()
        if not peer.unsent:
            self._poller.modify(peer.fileno(), select.POLLIN)

    def _drop(self, name: bytes) -> None:
        peer = self._peers.pop(name)
        del self._names[peer.fileno()]
        self._poller.unregister(peer.fileno())
        peer.close()
