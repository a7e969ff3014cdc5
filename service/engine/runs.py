"""Waiting calls of signatures other than the one for predictions, one of which runs where predictions leave room.

Never batched. A call goes when no batch waits, or when `BATCHES_BEFORE` batches have gone since it came: predictions do
not wait for a look inside the model, and a look inside does not wait for ever. Calls of a version whose other
signatures are still being loaded are held back until they are there. Not thread-safe; time is given.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from service.engine.batcher import QueueFullError

BATCHES_BEFORE = 8
Target = TypeVar("Target")


@dataclass(frozen=True, slots=True, eq=False)
class Call(Generic[Target]):
    """One call while it waits: where the answer goes, and what is asked."""

    peer: bytes
    id: int
    target: Target
    signature: str
    inputs: dict[str, npt.NDArray[np.generic]]
    outputs: tuple[str, ...]
    pictures: int
    arrived_seconds: float
    deadline_seconds: float


class Runs(Generic[Target]):
    """At most `limit` calls wait, those held back among them."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting: deque[tuple[Call[Target], int]] = deque()
        self._held: list[Call[Target]] = []
        self._batches = 0

    def __bool__(self) -> bool:
        """Whether one could go now."""
        return bool(self._waiting)

    def __len__(self) -> int:
        return len(self._waiting) + len(self._held)

    @property
    def holds(self) -> bool:
        """Whether any are held back."""
        return bool(self._held)

    def add(self, call: Call[Target]) -> None:
        """Let `call` wait.

        :raise QueueFullError: `limit` calls wait already.
        """
        self._check_room()
        self._waiting.append((call, self._batches))

    def hold(self, call: Call[Target]) -> bool:
        """Hold `call` back until its target is released; whether it is the first of its target.

        :raise QueueFullError: `limit` calls wait already.
        """
        self._check_room()
        is_first = all(other.target is not call.target for other in self._held)
        self._held.append(call)
        return is_first

    def release(self, target: Target) -> list[Call[Target]]:
        """Take out and return what was held back for `target`."""
        released = [call for call in self._held if call.target is target]
        self._held = [call for call in self._held if call.target is not target]
        return released

    def _check_room(self) -> None:
        if len(self) >= self._limit:
            raise QueueFullError

    def batch_has_gone(self) -> None:
        """A batch has gone before whatever waits here."""
        self._batches += 1

    def next_call(self, *, batch_waits: bool) -> Call[Target] | None:
        """The call whose turn it is, if any is."""
        if not self._waiting or (batch_waits and self._batches - self._waiting[0][1] < BATCHES_BEFORE):
            return None
        call, _ = self._waiting.popleft()
        # The next one that is due waits for a batch: two calls in a row would hold up predictions twice as long.
        if batch_waits:
            self._waiting = deque((other, max(at, self._batches - BATCHES_BEFORE + 1)) for other, at in self._waiting)
        return call

    def drop_expired(self, now_seconds: float) -> list[Call[Target]]:
        """Take out and return the calls that nobody waits for any more."""
        dropped = [call for call, _ in self._waiting if call.deadline_seconds <= now_seconds]
        if dropped:
            self._waiting = deque((call, at) for call, at in self._waiting if call.deadline_seconds > now_seconds)
        late = [call for call in self._held if call.deadline_seconds <= now_seconds]
        if late:
            self._held = [call for call in self._held if call.deadline_seconds > now_seconds]
        return dropped + late

    def cancel(self, peer: bytes, ident: int) -> Call[Target] | None:
        """Take out and return the call that `peer` wants no more; None if it does not wait."""
        for position, (call, _) in enumerate(self._waiting):
            if call.peer == peer and call.id == ident:
                del self._waiting[position]
                return call
        for call in self._held:
            if call.peer == peer and call.id == ident:
                self._held.remove(call)
                return call
        return None

    def waits_for(self, target: Target) -> bool:
        """Whether a call of `target` waits."""
        return any(call.target is target for call, _ in self._waiting) or any(
            call.target is target for call in self._held
        )
