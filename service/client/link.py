"""One engine as a worker sees it: a socket, whether it lives, and what is in flight there."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Sequence
from typing import Protocol

import msgspec

from service import logs, metrics, wire
from service.catalogue import Catalogue
from service.client.answers import not_ready, refusal
from service.client.tickets import Flight, Key, Ticket
from service.settings import Settings
from service.transport import Channel, Frame, dial, dial_error, is_near

log = logs.get(__name__)

PING_SECONDS_UNTIL_READY = 0.1
REDIAL_SECONDS = 0.05
MAX_REDIAL_SECONDS = 0.5


class Owner(Protocol):
    """Who is told of what a link hears."""

    def land(self, link: Link, message: wire.Predicted | wire.Ran | wire.Refused, frames: list[memoryview]) -> None:
        """An answer has come."""
        ...

    def lost(self, link: Link) -> None:
        """The engine has gone, with all that was in flight there."""
        ...

    def changed(self) -> None:
        """A link's `ready` or `catalogue` is another than before."""
        ...

    def tidy(self, link: Link) -> None:
        """A heartbeat has passed."""
        ...


class Link:
    """All methods belong to the loop that `open` ran in."""

    def __init__(self, endpoint: str, settings: Settings, owner: Owner) -> None:
        self.endpoint = endpoint
        self.catalogue: Catalogue | None = None
        self.serves: frozenset[Key] = frozenset()
        """Versions that answer, those on their way out among them."""
        self.loading: frozenset[Key] = frozenset()
        self.ready = False
        self.silent = False
        """It lives, for all that is known, but has not answered within `engine_timeout_seconds`."""
        self.flights: dict[int, Flight] = {}
        self.controls: dict[int, asyncio.Future[None]] = {}
        self.pictures = 0
        """In flight."""
        self._channel: Channel | None = None
        """None: not connected."""
        self._dialled: socket.socket | None = None
        self._redial: asyncio.TimerHandle | None = None
        self._looking_up: asyncio.Task[None] | None = None
        self._redial_seconds = REDIAL_SECONDS
        self._heartbeat_seconds = settings.engine_heartbeat_seconds
        self._timeout_seconds = settings.engine_timeout_seconds
        self._owner = owner
        self._unanswered_since_seconds: float | None = None
        self._up = metrics.ENGINE_UP.labels(endpoint)

    # --- life

    def open(self) -> None:
        """Connect, and keep asking the engine how it is. Does not wait for it."""
        self._loop = asyncio.get_running_loop()
        self.settled = asyncio.Event()
        """Set once it is known whether there is an engine."""
        self._dial()
        self._heartbeat = asyncio.create_task(self._beat())

    async def close(self) -> None:
        """Disconnect. What is in flight is the owner's to end."""
        self._heartbeat.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._heartbeat
        self.ready = False
        self._give_up_controls("the service is stopping")
        for attempt in (self._redial, self._looking_up):
            if attempt is not None:
                attempt.cancel()
        if self._dialled is not None:
            self._loop.remove_writer(self._dialled)
            self._dialled.close()
        self._hang_up()

    @property
    def connected(self) -> bool:
        """Whether there is an engine, whatever its state."""
        return self._channel is not None

    def is_fresh(self) -> bool:
        """Whether it answers its heartbeats: the last one, or the one before that was answered in time."""
        since = self._unanswered_since_seconds
        return self.ready and (since is None or self._loop.time() - since <= self._heartbeat_seconds)

    async def _beat(self) -> None:
        while True:
            self.read()  # it is not the engine that was silent when it is this loop that has stood still
            self._check_silence()
            self._owner.tidy(self)
            if self._channel is not None:
                self._ping()
            await asyncio.sleep(self._heartbeat_seconds if self.ready else PING_SECONDS_UNTIL_READY)

    def _check_silence(self) -> None:
        since = self._unanswered_since_seconds
        if not self.ready or since is None:
            return
        # Its last word may have been as old as a heartbeat when the first question went unanswered.
        silent_seconds = self._loop.time() - since + self._heartbeat_seconds
        if silent_seconds >= self._timeout_seconds and silent_seconds > 2 * self._heartbeat_seconds:
            log.error("engine_silent", endpoint=self.endpoint, seconds=round(silent_seconds, 1))
            self.silent = True
            self._set_ready(False)

    def _ping(self) -> None:
        if self._unanswered_since_seconds is None:
            self._unanswered_since_seconds = self._loop.time()
        self.send([wire.encode(wire.Ping(self.catalogue.revision if self.catalogue else ""))])

    # --- out

    def send(self, frames: Sequence[Frame]) -> None:
        """Send a message. With nobody there, what it asks stays in flight until the next engine or its deadline."""
        channel = self._channel
        if channel is None:
            return
        waited = channel.unsent
        channel.send(frames)
        if channel.is_gone:
            self._loop.call_soon(self.read)  # its last words, and its end
        elif channel.unsent and not waited:
            self._loop.add_writer(channel.fileno(), self._flush, channel)

    def _flush(self, channel: Channel) -> None:
        channel.flush()
        if not channel.unsent:
            self._loop.remove_writer(channel.fileno())

    def control(self, message: wire.Control) -> asyncio.Future[None]:
        """Send it; done once the engine has done it, or with the error that it names."""
        done: asyncio.Future[None] = self._loop.create_future()
        self.controls[message.id] = done
        done.add_done_callback(lambda _: self.controls.pop(message.id, None))
        self.send([wire.encode(message)])
        return done

    def take_back(self) -> Sequence[Ticket]:
        """All that is in flight, which is so no longer."""
        flights = list(self.flights.values())
        for flight in flights:
            self.forget(flight)
        return [ticket for flight in flights for ticket in flight.tickets]

    def forget(self, flight: Flight) -> None:
        """It is in flight no longer, and its lane has one message fewer here."""
        del self.flights[flight.id]
        self.pictures -= flight.pictures
        if flight.lane is not None:
            flight.lane.busy.remove(self)

    # --- in

    def read(self) -> None:
        """Take in everything that has come."""
        channel = self._channel
        if channel is None:
            return
        for frames in channel.receive():
            try:
                message = wire.decode_from_engine(frames[0])
            except msgspec.MsgspecError as error:
                log.error("bad_message", error=str(error))
                continue
            if isinstance(message, wire.Pong):
                self.hear(message)
            elif isinstance(message, wire.Controlled):
                self._settle(message)
            else:
                self._owner.land(self, message, frames)
        if channel.ended is not None and channel is self._channel:
            self._lose(channel.ended)

    def hear(self, pong: wire.Pong) -> None:
        """The engine lives; `pong` may bring another catalogue, asked for or not."""
        self._unanswered_since_seconds = None
        self.silent = False
        self.settled.set()
        before, self.catalogue = self.catalogue, pong.catalogue or self.catalogue
        if pong.catalogue is not None:
            states = {(v.name, v.version): v.state for v in pong.catalogue.versions}
            self.serves = frozenset(key for key, state in states.items() if state in ("available", "unloading"))
            self.loading = frozenset(key for key, state in states.items() if state == "loading")
            # The engine keeps old versions until it knows that nobody goes by the old catalogue any more.
            self._ping()
            if before is not None and before.engine_id != pong.catalogue.engine_id:
                self._owner.lost(self)
        if pong.ready != self.ready:
            self._set_ready(pong.ready)
        elif pong.catalogue is not None:
            self._owner.changed()

    def _settle(self, message: wire.Controlled) -> None:
        done = self.controls.get(message.id)
        if done is None or done.done():
            return
        if message.error or message.reason:
            done.set_exception(refusal(message.reason, message.error))
        else:
            done.set_result(None)

    # --- the engine comes and goes

    def _dial(self) -> None:
        if is_near(self.endpoint):
            try:
                self._wait_for(dial(self.endpoint))
            except OSError:
                self._dial_later()
        else:
            self._looking_up = asyncio.create_task(self._dial_far())

    async def _dial_far(self) -> None:
        try:
            sock = await asyncio.to_thread(dial, self.endpoint)
        except OSError:
            self._dial_later()
        else:
            self._wait_for(sock)

    def _wait_for(self, sock: socket.socket) -> None:
        self._dialled = sock
        self._loop.add_writer(sock, self._reached, sock)

    def _reached(self, sock: socket.socket) -> None:
        self._dialled = None
        self._loop.remove_writer(sock)
        if dial_error(sock):
            sock.close()
            self._dial_later()
            return
        self._redial_seconds = REDIAL_SECONDS
        self._channel = Channel(sock)
        self._loop.add_reader(sock.fileno(), self.read)
        self._ping()

    def _dial_later(self) -> None:
        self.settled.set()
        self._redial = self._loop.call_later(self._redial_seconds, self._dial)
        self._redial_seconds = min(MAX_REDIAL_SECONDS, 2 * self._redial_seconds)

    def _lose(self, why: str) -> None:
        self._hang_up()
        self._unanswered_since_seconds = None
        self.silent = False
        log.warning("engine_gone", endpoint=self.endpoint, in_flight=len(self.flights), why=why)
        self._set_ready(False)
        self._give_up_controls("the engine has gone")
        self._owner.lost(self)
        self._dial_later()

    def _hang_up(self) -> None:
        channel, self._channel = self._channel, None
        if channel is not None:
            self._loop.remove_reader(channel.fileno())
            self._loop.remove_writer(channel.fileno())
            channel.close()

    def _give_up_controls(self, why: str) -> None:
        for done in list(self.controls.values()):
            if not done.done():
                done.set_exception(not_ready(why))

    def _set_ready(self, ready: bool) -> None:
        self.ready = ready
        self._up.set(ready)
        if ready and self.catalogue is not None:
            device, pid = self.catalogue.device.name, self.catalogue.engine_pid
            log.info("engine_ready", endpoint=self.endpoint, device=device, pid=pid)
        self._owner.changed()
