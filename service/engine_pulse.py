"""Whether an engine process lives, by its own word: the supervisor's heartbeats, apart from those of the workers.

A process that hangs is still there for the operating system, and workers can only avoid it; somebody has to end it.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

import msgspec

from service import wire
from service.transport import Channel, dial

REDIAL_SECONDS = 0.1


class Pulse:
    """One engine's. `clock` gives seconds; tests put one in that they turn themselves."""

    def __init__(self, endpoint: str, beat_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._beat_seconds = beat_seconds
        self._revision = ""
        self._channel: Channel | None = None
        self._next_ping_seconds = clock()
        self._unanswered_since_seconds: float | None = None
        self.has_answered = False

    @property
    def descriptor(self) -> int | None:
        """To wait for: something to read is a reason to `look`. None: not connected."""
        return None if self._channel is None else self._channel.fileno()

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
        self._listen()
        if self._clock() >= self._next_ping_seconds:
            self._ping()

    def _listen(self) -> None:
        channel = self._channel
        if channel is None:
            return
        channel.flush()
        for frames in channel.receive():
            with contextlib.suppress(msgspec.MsgspecError):
                message = wire.decode_from_engine(frames[0])
                if isinstance(message, wire.Pong):
                    self._hear(message)
        if channel.ended is not None:
            self.close()

    def _hear(self, pong: wire.Pong) -> None:
        self.has_answered = True
        self._unanswered_since_seconds = None
        if pong.catalogue is not None:
            # It waits with letting old versions go until all that hear of them know the new ones.
            self._revision = pong.revision
            self._ping()

    def _ping(self) -> None:
        if self._unanswered_since_seconds is None:
            self._unanswered_since_seconds = self._clock()
        if self._channel is None:
            with contextlib.suppress(OSError):  # it is not there; that counts as silence
                self._channel = Channel(dial(self._endpoint))
        if self._channel is not None:
            self._channel.send([wire.encode(wire.Ping(self._revision))])
        wait_seconds = self._beat_seconds if self._channel is not None else min(REDIAL_SECONDS, self._beat_seconds)
        self._next_ping_seconds = self._clock() + wait_seconds

    def close(self) -> None:
        """Hang up. The next heartbeat connects again."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None
