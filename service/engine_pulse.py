"""Whether an engine process lives, by its own word: the supervisor's heartbeats, apart from those of the workers.

A process that hangs is still there for the operating system, and workers can only avoid it; somebody has to end it.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

import msgspec
import zmq

from service import wire

RECONNECT_MILLISECONDS = 50


class Pulse:
    """One engine's. `clock` gives seconds; tests put one in that they turn themselves."""

    def __init__(
        self, context: zmq.Context[Any], endpoint: str, beat_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._beat_seconds = beat_seconds
        self._revision = ""
        self._next_ping_seconds = clock()
        self._unanswered_since_seconds: float | None = None
        self.has_answered = False
        self.socket: zmq.Socket[bytes] = context.socket(zmq.DEALER)
        """To wait for: something to read is a reason to `look`."""
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.IMMEDIATE, 1)
        self.socket.setsockopt(zmq.RECONNECT_IVL, RECONNECT_MILLISECONDS)
        self.socket.connect(endpoint)

    @property
    def silent_seconds(self) -> float:
        """For how long it has left a heartbeat unanswered."""
        since = self._unanswered_since_seconds
        return 0.0 if since is None else self._clock() - since

    @property
    def due_seconds(self) -> float:
        """When to look again, by the clock."""
        return self._next_ping_seconds

    def look(self) -> None:
        """Hear what it has said, and ask again when it is time."""
        while True:
            try:
                frames = self.socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                break
            with contextlib.suppress(msgspec.MsgspecError):
                message = wire.decode_from_engine(frames[0])
                if isinstance(message, wire.Pong):
                    self._hear(message)
        if self._clock() >= self._next_ping_seconds:
            self._ping()

    def _hear(self, pong: wire.Pong) -> None:
        self.has_answered = True
        self._unanswered_since_seconds = None
        if pong.catalogue is not None:
            # It waits with letting old versions go until all that hear of them know the new ones.
            self._revision = pong.revision
            self._ping()

    def _ping(self) -> None:
        self._next_ping_seconds = self._clock() + self._beat_seconds
        if self._unanswered_since_seconds is None:
            self._unanswered_since_seconds = self._clock()
        with contextlib.suppress(zmq.Again):  # it is not there; that counts as silence
            self.socket.send(wire.encode(wire.Ping(self._revision)), zmq.NOBLOCK)

    def close(self) -> None:
        self.socket.close()
