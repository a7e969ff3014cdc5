"""Waiting work, and which of it runs next.

No timer. While the device is busy work gathers; when it is free, `next_batch` takes what waits, up to `max_batch_size`
pictures of one key: one model version. So a lone request never waits for company, and a busy device gets large batches by itself.

- Bounded: `add` refuses at once when `queue_limit` pictures wait. It never blocks.
- Bulk work is cut into slices, and small work goes before it: of two batches in a row at least one serves small work
  first, and a batch is filled up with bulk. Neither starves the other.
- Work whose budget has run out is dropped, never computed, and handed back to be answered.
- Not thread-safe: one loop owns it. Time is given, never read, so tests drive it by hand.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
"""What runs together: work of one key shares a batch, work of two never does."""
Owner = TypeVar("Owner")


class QueueFullError(Exception):
    """`queue_limit` pictures wait already."""


@dataclass(slots=True, eq=False)
class Work(Generic[Key, Owner]):
    """Pictures that arrived together and are answered together."""

    owner: Owner
    key: Key
    pictures: int
    arrived_seconds: float
    deadline_seconds: float
    bulk: bool = False
    taken: int = 0
    """How many of its pictures have been handed out in slices."""
    first_taken_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Slice(Generic[Key, Owner]):
    """Pictures `start` to `stop` of a piece of work."""

    work: Work[Key, Owner]
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Batch(Generic[Key, Owner]):
    """What goes to the device in one call: slices of one key's work, `pictures` in all."""

    key: Key
    slices: list[Slice[Key, Owner]]
    pictures: int


@dataclass(slots=True)
class _Lane(Generic[Key, Owner]):
    """The work of one key, small and bulk apart, each in order of arrival."""

    small: deque[Work[Key, Owner]] = field(default_factory=deque)
    bulk: deque[Work[Key, Owner]] = field(default_factory=deque)
    small_went_first: bool = False

    def __bool__(self) -> bool:
        return bool(self.small or self.bulk)


class Batcher(Generic[Key, Owner]):
    """See the module's text."""

    def __init__(self, max_batch_size: int, queue_limit: int) -> None:
        self.max_batch_size = max_batch_size
        self.queue_limit = queue_limit
        self.waiting_pictures = 0
        self._next_deadline_seconds = math.inf
        """Nothing that waits expires before."""
        self._lanes: dict[Key, _Lane[Key, Owner]] = {}

    def add(self, work: Work[Key, Owner]) -> None:
        """Let `work` wait.

        :raise QueueFullError: `queue_limit` would be passed.
        """
        if self.waiting_pictures + work.pictures > self.queue_limit:
            raise QueueFullError
        lane = self._lanes.setdefault(work.key, _Lane())
        (lane.bulk if work.bulk else lane.small).append(work)
        self._next_deadline_seconds = min(self._next_deadline_seconds, work.deadline_seconds)
        self.waiting_pictures += work.pictures

    def drop_expired(self, now_seconds: float) -> list[Work[Key, Owner]]:
        """Take out and return the work that nobody waits for any more; work already begun is finished."""
        dropped: list[Work[Key, Owner]] = []
        if now_seconds < self._next_deadline_seconds:
            return dropped
        for lane in self._lanes.values():
            for queue in (lane.small, lane.bulk):
                expired = [w for w in queue if w.deadline_seconds <= now_seconds and not w.taken]
                for work in expired:
                    queue.remove(work)
                    self.waiting_pictures -= work.pictures
                dropped += expired
        self._next_deadline_seconds = min(
            (work.deadline_seconds for work in self.waiting() if not work.taken), default=math.inf
        )
        return dropped

    def next_batch(self, now_seconds: float) -> Batch[Key, Owner] | None:
        """What to run now; None when nothing waits. Keys with waiting work take turns."""
        key = next((key for key, lane in self._lanes.items() if lane), None)
        if key is None:
            return None
        lane = self._lanes.pop(key)
        self._lanes[key] = lane  # to the end of the line
        small_first = not (lane.small_went_first and lane.bulk)
        lane.small_went_first = small_first and bool(lane.small)
        slices: list[Slice[Key, Owner]] = []
        room = self.max_batch_size
        for queue in (lane.small, lane.bulk) if small_first else (lane.bulk, lane.small):
            while queue and room:
                work = queue[0]
                taken = min(room, work.pictures - work.taken)
                if not work.taken:
                    work.first_taken_seconds = now_seconds
                slices.append(Slice(work, work.taken, work.taken + taken))
                work.taken += taken
                room -= taken
                if work.taken == work.pictures:
                    queue.popleft()
        pictures = self.max_batch_size - room
        self.waiting_pictures -= pictures
        return Batch(key, slices, pictures)

    def cancel(self, work: Work[Key, Owner]) -> None:
        """Take out what is left of `work`, if anything is."""
        lane = self._lanes.get(work.key)
        for queue in (lane.small, lane.bulk) if lane else ():
            if work in queue:
                queue.remove(work)
                self.waiting_pictures -= work.pictures - work.taken

    def waiting(self) -> Iterator[Work[Key, Owner]]:
        """All work of which something waits."""
        for lane in self._lanes.values():
            yield from lane.small
            yield from lane.bulk

    def waits_for(self, key: Key) -> bool:
        """Whether work of `key` waits, in whole or in part."""
        return bool(self._lanes.get(key))

    def forget(self, key: Key) -> None:
        """Let go of a key for which nothing waits and nothing will come."""
        self._lanes.pop(key, None)
