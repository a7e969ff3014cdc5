"""Clients that ask again and again, each on a connection of its own, and note how every single request ended.

What a well-behaved HTTP client does, and no more: a connection is used until the service says `Connection: close` or
closes it between two requests; a request that gets no answer is a failure and is not asked again.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

PAUSE_AFTER_REFUSAL_SECONDS = 0.02
"""A client that is told to come back later does not do so at once; else refusals would be most of the load."""
ANSWER_WITHIN_SECONDS = 30.0


@dataclass(frozen=True)
class Errand:
    """A request, whole, and a part of the body that only the right answer has."""

    request: bytes
    proof: bytes


@dataclass
class Tally:
    """How requests ended: by status, `wrong` for a 200 that is not right, `reset` and `silent` for no answer at all."""

    ends: Counter[str] = field(default_factory=Counter)
    milliseconds: list[float] = field(default_factory=list)
    """Of the requests that were answered 200, in the order of their ends."""

    @property
    def sent(self) -> int:
        return self.ends.total()

    @property
    def failed(self) -> int:
        """All that is neither right nor a documented refusal."""
        return self.sent - self.ends["200"] - self.ends["503"]


class Crowd:
    """Clients in this process's event loop."""

    def __init__(self, port: int, errands: Sequence[Errand], clients: int) -> None:
        self._port = port
        self._errands = errands
        self._clients = clients
        self._leaving = False
        self.closing = False
        """The service has been told to stop: a connection that is refused, or ends between requests, is no failure."""
        self.tally = Tally()
        self._tasks: list[asyncio.Task[None]] = []

    def begin(self) -> None:
        """Let the clients ask."""
        self._tasks = [
            asyncio.create_task(self._client(self._errands[i % len(self._errands)])) for i in range(self._clients)
        ]

    def turn_over(self) -> Tally:
        """The tally so far; the next one begins."""
        tally, self.tally = self.tally, Tally()
        return tally

    async def leave(self) -> None:
        """Let each client finish the request it is at."""
        self._leaving = True
        await self.gone()

    async def gone(self) -> None:
        """Wait until every client has left, told to or because the service has closed."""
        await asyncio.gather(*self._tasks)

    async def _client(self, errand: Errand) -> None:
        connection: _Connection | None = None
        while not self._leaving:
            if connection is None or connection.is_closed:
                try:
                    connection = await _Connection.to(self._port)
                except OSError:
                    if self.closing:
                        return
                    self.tally.ends["refused"] += 1
                    await asyncio.sleep(PAUSE_AFTER_REFUSAL_SECONDS)
                    continue
            await self._ask(connection, errand)
        if connection is not None:
            connection.close()

    async def _ask(self, connection: _Connection, errand: Errand) -> None:
        started = time.perf_counter()
        try:
            status, body = await asyncio.wait_for(connection.ask(errand.request), ANSWER_WITHIN_SECONDS)
        except (ConnectionError, asyncio.IncompleteReadError):
            if not (self.closing and not connection.has_answered_any):
                self.tally.ends["reset"] += 1
            connection.close()
            return
        except TimeoutError:
            self.tally.ends["silent"] += 1
            connection.close()
            return
        if status == 200:
            self.tally.ends["200" if errand.proof in body else "wrong"] += 1
            self.tally.milliseconds.append((time.perf_counter() - started) * 1000)
        else:
            self.tally.ends[str(status)] += 1
            await asyncio.sleep(PAUSE_AFTER_REFUSAL_SECONDS)


class _Connection:
    """HTTP/1.1 over a stream, one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._told_to_close = False
        self.has_answered_any = False

    @classmethod
    async def to(cls, port: int) -> _Connection:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    @property
    def is_closed(self) -> bool:
        """Whether the next request needs a new connection; true too when the service has closed it meanwhile."""
        return self._told_to_close or self._reader.at_eof() or self._writer.is_closing()

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """:raise ConnectionError, asyncio.IncompleteReadError: the connection ended before the answer did."""
        self._writer.write(request)
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        at = head.index(b"content-length:") + len(b"content-length:")
        body = await self._reader.readexactly(int(head[at : head.index(b"\r\n", at)]))
        self.has_answered_any = True
        if b"connection: close" in head:
            self.close()
        return int(head[9:12]), body

    def close(self) -> None:
        self._told_to_close = True
        self._writer.close()
