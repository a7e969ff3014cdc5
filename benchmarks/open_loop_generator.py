"""The sender of the open loop: requests go out when they are due, over connections that are kept.

One thread, `epoll`, and as many connections as it takes, up to a limit; beyond it requests wait here, and that counts too.
"""

from __future__ import annotations

import math
import select
import socket
import time
from collections import deque
from collections.abc import Sequence

from benchmarks.load import LoadError

_READY_CONNECTIONS = 640
_READY_SHARE = 0.125
"""Seconds' worth of requests for which there are connections before the first is due, as callers have who come every day."""
_FEW_CONNECTIONS = 25
"""Where that would be fewer, there are none: a server that keeps no connection may stand still for one that is silent."""
_READY_SECONDS = 2.0


def ready_connections(due: Sequence[float]) -> int:
    """How many are opened before the first of the requests that are `due`."""
    wanted = round(_READY_SHARE * len(due) / due[-1]) if due and due[-1] > 0 else 0
    return min(wanted, _READY_CONNECTIONS) if wanted >= _FEW_CONNECTIONS else 0


class _Connection:
    __slots__ = ("connected", "received", "request", "socket")

    def __init__(self, port: int) -> None:
        self.socket = socket.socket()
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.socket.connect_ex(("127.0.0.1", port))
        self.connected = False
        self.received = b""
        self.request = -1
        """Which one it waits for; -1: none."""


def parse_answer(received: bytes) -> tuple[int, bool] | None:
    """The status of a whole HTTP/1.1 answer and whether the connection stays; None while it is not whole.

    :raise ValueError: this is no answer, or it does not say where it ends.
    """
    end = received.find(b"\r\n\r\n")
    if end < 0:
        if len(received) > 65536:
            raise ValueError("a head without an end")
        return None
    head = received[:end].lower()
    status = int(head[9:12])
    stays = b"\r\nconnection: close" not in head
    at = head.find(b"\r\ncontent-length:")
    if at >= 0:
        length = int(head[at + 17 : head.find(b"\r\n", at + 17) if b"\r\n" in head[at + 17 :] else None])
        return (status, stays) if len(received) >= end + 4 + length else None
    if b"\r\ntransfer-encoding: chunked" in head:
        return (status, stays) if received.endswith(b"\r\n0\r\n\r\n") else None
    raise ValueError("an answer of unknown length")


class Generator:
    """Sends `message` to `port` at the times `due`, in seconds from `begin`."""

    def __init__(self, port: int, message: bytes, due: Sequence[float], connections_max: int) -> None:
        self._port = port
        self._message = message
        self._due = due
        self._connections_max = connections_max
        self._epoll = select.epoll()
        self._by_fd: dict[int, _Connection] = {}
        self._idle: list[_Connection] = []
        self._waiting: deque[int] = deque()
        self._open = 0
        self.most_open = 0
        self.sent = [math.nan] * len(due)
        self.ended = [math.nan] * len(due)
        self.status = [0] * len(due)
        """0: not answered; -1: the connection broke."""
        self._left = len(due)

    def run(self, drain_seconds: float) -> None:
        """Blocks until all are answered, or `drain_seconds` after the last was due."""
        for _ in range(min(ready_connections(self._due), self._connections_max)):
            self._connect()
        self._ready()
        due, number, total = self._due, 0, len(self._due)
        clock = time.perf_counter
        begin = self._begin = clock() + 0.01
        limit = (due[-1] if due else 0.0) + drain_seconds
        while self._left:
            now = clock() - begin
            if now > limit:
                break
            while number < total and due[number] <= now:
                self._send_or_wait(number)
                number += 1
                now = clock() - begin
            self._wait(max(0.0, (due[number] if number < total else limit) - now))
        for connection in list(self._by_fd.values()):
            self._drop(connection)
        self._epoll.close()

    def _ready(self) -> None:
        """Until those connections are there, or it has taken long."""
        until = time.perf_counter() + _READY_SECONDS
        while not all(each.connected for each in self._by_fd.values()) and time.perf_counter() < until:
            self._wait(0.05)

    def _wait(self, seconds: float) -> None:
        if seconds > 0:
            # epoll's own timeout counts milliseconds; select's counts microseconds, and takes the epoll for a file.
            ready, _, _ = select.select([self._epoll.fileno()], [], [], seconds)
            if not ready:
                return
        for fd, events in self._epoll.poll(0, 256):
            self._handle(self._by_fd[fd], events)

    def _connect(self) -> _Connection:
        connection = _Connection(self._port)
        fd = connection.socket.fileno()
        self._by_fd[fd] = connection
        self._epoll.register(fd, select.EPOLLIN | select.EPOLLOUT)
        self._open += 1
        self.most_open = max(self.most_open, self._open)
        return connection

    def _drop(self, connection: _Connection) -> None:
        del self._by_fd[connection.socket.fileno()]
        connection.socket.close()
        self._open -= 1
        if connection in self._idle:
            self._idle.remove(connection)

    def _send_or_wait(self, number: int) -> None:
        if self._idle:
            self._send(self._idle.pop(), number)
        elif self._open < self._connections_max:
            self._connect().request = number
        else:
            self._waiting.append(number)

    def _send(self, connection: _Connection, number: int) -> None:
        connection.request = number
        self.sent[number] = time.perf_counter() - self._begin
        try:
            count = connection.socket.send(self._message)
        except OSError:
            self._fail(connection)
            return
        if count != len(self._message):
            raise LoadError(f"a message of {len(self._message)} bytes does not fit into the socket at once")

    def _handle(self, connection: _Connection, events: int) -> None:
        if events & select.EPOLLOUT and not connection.connected:
            self._greet(connection)
            return
        try:
            data = connection.socket.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._fail(connection)
            return
        connection.received += data
        try:
            answer = parse_answer(connection.received)
        except ValueError:
            self._fail(connection)
            return
        if answer is None:
            return
        connection.received = b""
        status, stays = answer
        self._finish(connection.request, status)
        connection.request = -1
        if not stays:
            self._drop(connection)
        self._take_next(connection if stays else None)

    def _greet(self, connection: _Connection) -> None:
        """It is connected, or could not be."""
        if connection.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._fail(connection)
            return
        connection.connected = True
        self._epoll.modify(connection.socket.fileno(), select.EPOLLIN)
        if connection.request >= 0:
            self._send(connection, connection.request)
        else:
            self._take_next(connection)

    def _take_next(self, connection: _Connection | None) -> None:
        if not self._waiting:
            if connection is not None:
                self._idle.append(connection)
            return
        number = self._waiting.popleft()
        if connection is not None:
            self._send(connection, number)
        else:
            self._send_or_wait(number)

    def _fail(self, connection: _Connection) -> None:
        number = connection.request
        self._drop(connection)
        if number >= 0:
            self._finish(number, -1)
        if self._waiting:
            self._take_next(None)

    def _finish(self, number: int, status: int) -> None:
        if number >= 0:
            self.ended[number] = time.perf_counter() - self._begin
            self.status[number] = status
            self._left -= 1
