"""Many clients at once, each on a connection of its own with a picture of its own, asking again and again.

A few dozen lines over plain streams: a full HTTP client takes more time for a request than the service does, and then
it would be the clients that wait in line and not their pictures.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import httpx
import numpy as np
import numpy.typing as npt

from tests.e2e.requests import Array, as_base64, encoded
from tests.e2e.service_process import KEY, Service
from tests.reference import Reference

PAUSE_SECONDS = 0.05
"""A client that is told to come back later does not do so at once; else refusals would be most of the load."""


@dataclass(frozen=True)
class Errand:
    """What one client asks, and the row (10) that has to come back."""

    request: bytes
    row: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Outcome:
    """How one request ended: `status`, or None and `fault`.

    `fault` is `"unanswered"` when the connection ended before the first byte of an answer, `"cut"` after it, and
    `"refused"` when there was none to be had.
    """

    seconds: float
    status: int | None = None
    retry_after: str | None = None
    is_right: bool = False
    fault: str | None = None
    told_to_close: bool = False
    """The answer said that it was the connection's last."""


@dataclass
class Crowd:
    """The clients, and how their requests ended."""

    service: Service
    errands: Sequence[Errand]
    outcomes: list[Outcome] = field(default_factory=list)
    _leaving: asyncio.Event = field(default_factory=asyncio.Event)
    _all_have_asked: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    def of(cls, service: Service, reference: Reference, clients: int) -> Crowd:
        """Each client has another picture; every fourth sends it as JSON, the others as PNG."""
        which = reference.distinct(KEY, clients)
        rows = reference.probabilities[KEY][which]
        errands = []
        for at, (image, row) in enumerate(zip(reference.images[which], rows, strict=True)):
            form = FORMS["json" if at % 4 == 3 else "png"]
            errands.append(Errand(form(image), row))
        return cls(service, errands)

    async def ask(self, times: int) -> None:
        """Every client asks so many times."""
        await asyncio.gather(*(self._client(errand, times) for errand in self.errands))

    async def ask_during(self, happening: Callable[[], None]) -> None:
        """The clients ask until `happening`, which runs in a thread, is over; it begins once they are at it."""
        clients = [asyncio.create_task(self._client(errand, None)) for errand in self.errands]
        try:
            await self._all_have_asked.wait()
            await asyncio.to_thread(happening)
        finally:
            self._leaving.set()
            await asyncio.gather(*clients)

    def statuses(self) -> Counter[int | None]:
        return Counter(outcome.status for outcome in self.outcomes)

    def faults(self) -> Counter[str | None]:
        return Counter(outcome.fault for outcome in self.outcomes if outcome.fault is not None)

    async def _client(self, errand: Errand, times: int | None) -> None:
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        loop = asyncio.get_running_loop()
        while not self._leaving.is_set() and times != 0:
            times = None if times is None else times - 1
            started = loop.time()
            outcome: Outcome | None = None
            try:
                streams = streams or await asyncio.open_connection(*self.service.address)
                streams[1].write(errand.request)
                outcome = await _answer(streams[0], errand.row, started)
            except ConnectionRefusedError:
                outcome = Outcome(loop.time() - started, fault="refused")
            except ConnectionError:
                outcome = Outcome(loop.time() - started, fault="unanswered")
            self.outcomes.append(outcome)
            if len(self.outcomes) >= len(self.errands):
                self._all_have_asked.set()
            if (outcome.fault is not None or outcome.told_to_close) and streams is not None:
                streams[1].close()
                streams = None
            if outcome.fault == "refused":
                break
            if outcome.status == 503:
                await asyncio.sleep(PAUSE_SECONDS)
        if streams is not None:
            streams[1].close()


def _json(image: Array) -> bytes:
    return _post(json.dumps(as_base64(image[np.newaxis])).encode(), "Content-Type: application/json\r\n")


def _png(image: Array, more: str = "") -> bytes:
    return _post(encoded(image), "Content-Type: image/png\r\n" + more)


def _post(body: bytes, headers: str) -> bytes:
    head = f"POST /predict HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


FORMS: dict[str, Callable[[Array], bytes]] = {
    "png": _png,
    "json": _json,
    "png to flask": lambda image: _png(image, "Content-Encoding: identity\r\n"),
}
"""Whole requests that post a picture, uint8 (28, 28, 1): to the lane's loop, to its threads, past it to Flask's."""


async def _answer(reader: asyncio.StreamReader, row: npt.NDArray[np.float32], started: float) -> Outcome:
    loop = asyncio.get_running_loop()
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        return Outcome(loop.time() - started, fault="cut" if error.partial else "unanswered")
    status_line, _, header_lines = head.decode().partition("\r\n")
    headers = httpx.Headers(dict(line.split(": ", 1) for line in header_lines.splitlines() if line))
    try:
        body = await reader.readexactly(int(headers["content-length"]))
    except asyncio.IncompleteReadError:
        return Outcome(loop.time() - started, fault="cut")
    status = int(status_line.split()[1])
    is_right = False
    if status == 200:
        found = json.loads(body)["predictions"][0]["probabilities"]
        is_right = bool(np.allclose(found, row, rtol=0, atol=1e-5))
    told_to_close = headers.get("connection", "").lower() == "close"
    return Outcome(loop.time() - started, status, headers.get("retry-after"), is_right, told_to_close=told_to_close)
