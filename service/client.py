"""A worker's side of the engine: arrays in, arrays out, one client per worker, in its event loop.

- Gathering: while a message to a model is in flight, what arrives for it waits and travels as one message. Bulk
  requests travel alone, so that small ones never wait for them here.
- Retrying: when the engine goes, what was in flight waits for the next one, within its deadline and one time only
  (a request that kills two engines kills no third). New requests are refused at once, with 503.
- Every call ends: by an answer, a refusal, or its deadline.

The socket is driven by the loop's readiness callbacks; ZeroMQ's asyncio layer costs several times as much per message.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import zmq
from zmq.utils.monitor import parse_monitor_message

from service import errors, logs, metrics, wire
from service.catalogue import Catalogue, ModelVersion
from service.settings import Settings

log = logs.get(__name__)

BULK_PICTURES = 64
MAX_ATTEMPTS = 2
PING_SECONDS_UNTIL_READY = 0.1
RETRY_AFTER_SECONDS = 2
Key = tuple[str, int]

_REFUSALS: dict[str, type[errors.ServiceError]] = {
    cls.type: cls
    for cls in (
        errors.QueueFullError,
        errors.DeadlineExceededError,
        errors.WrongShapeError,
        errors.UnknownVersionError,
        errors.InternalError,
    )
}


@dataclass(frozen=True, slots=True)
class Answer:
    """For N pictures: `probabilities` float32 (N, K), `energy` float32 (N), and where the time went."""

    probabilities: npt.NDArray[np.float32]
    energy: npt.NDArray[np.float32]
    queue_seconds: float
    """Waiting here and in the engine, and travelling."""
    inference_seconds: float


@dataclass(slots=True, eq=False)
class _Ticket:
    """One caller's pictures and its promise."""

    key: Key
    images: npt.NDArray[np.uint8]
    future: asyncio.Future[Answer]
    submitted_seconds: float
    deadline_seconds: float
    attempts: int = 0


@dataclass(slots=True, eq=False)
class _Lane:
    """Tickets of one model version that wait for its message in flight."""

    waiting: list[_Ticket] = field(default_factory=list)
    in_flight: bool = False
    flush_scheduled: bool = False


@dataclass(frozen=True, slots=True)
class _Flight:
    """A message on its way, and the lane that waits for it; bulk messages hold up nobody."""

    tickets: list[_Ticket]
    lane: _Lane | None


class EngineClient:
    """See the module's text. All methods but `ask_from_thread` belong to the loop that `start` ran in."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._catalogue: Catalogue | None = None
        self._ready = False
        self._connected = False
        self._last_pong_seconds = 0.0
        self._ids = itertools.count(1)
        self._lanes: dict[Key, _Lane] = {}
        self._flights: dict[int, _Flight] = {}
        self._recalled: list[_Ticket] = []
        self._waiting_pictures = 0
        self._heartbeat: asyncio.Task[None] | None = None
        self._up = metrics.ENGINE_UP.labels(settings.endpoint)

    # --- what HTTP asks

    @property
    def ready(self) -> bool:
        """Whether a prediction would be accepted now."""
        return self._ready

    @property
    def catalogue(self) -> Catalogue:
        """What the engine serves, or served when it was last heard from.

        :raise NotReadyError: no engine has been heard from yet.
        """
        if self._catalogue is None:
            raise errors.NotReadyError("the engine is starting", retry_after_seconds=RETRY_AFTER_SECONDS)
        return self._catalogue

    async def ask(self, version: ModelVersion, images: npt.NDArray[np.uint8], budget_seconds: float) -> Answer:
        """Classify `images`, uint8 (N, *version.input_shape), C-contiguous, N ≥ 1.

        :raise NotReadyError: there is no engine, or it went and no other came in time.
        :raise QueueFullError: too many pictures are waiting already.
        :raise DeadlineExceededError: `budget_seconds` have passed.
        :raise UnknownVersionError: the version has just left.
        """
        if not self._ready:
            raise errors.NotReadyError("the engine is not ready", retry_after_seconds=RETRY_AFTER_SECONDS)
        pictures = len(images)
        if self._waiting_pictures + pictures > self._settings.queue_limit:
            raise errors.QueueFullError(f"{self._waiting_pictures} pictures are waiting already", retry_after_seconds=1)
        now = self._loop.time()
        ticket = _Ticket((version.name, version.version), images, self._loop.create_future(), now, now + budget_seconds)
        timer = self._loop.call_later(budget_seconds, self._expire, ticket)
        self._waiting_pictures += pictures
        try:
            self._submit(ticket)
            return await ticket.future
        finally:
            self._waiting_pictures -= pictures
            timer.cancel()

    def ask_from_thread(self, version: ModelVersion, images: npt.NDArray[np.uint8], budget_seconds: float) -> Answer:
        """`ask`, from any thread but the loop's own. Blocks, no longer than the budget."""
        return asyncio.run_coroutine_threadsafe(self.ask(version, images, budget_seconds), self._loop).result()

    # --- life

    async def start(self) -> None:
        """Connect, and keep asking the engine how it is. Does not wait for it."""
        self._loop = asyncio.get_running_loop()
        self._context = zmq.Context()
        self._socket: zmq.Socket[bytes] = self._context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.IMMEDIATE, 1)  # nothing is queued for an engine that is not there
        self._socket.setsockopt(zmq.RECONNECT_IVL, 50)
        self._socket.setsockopt(zmq.RECONNECT_IVL_MAX, 500)
        self._monitor: zmq.Socket[bytes] = self._socket.get_monitor_socket(
            zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED
        )
        self._loop.add_reader(_option(self._monitor, zmq.FD), self._read_monitor)
        self._loop.add_reader(_option(self._socket, zmq.FD), self._read)
        self._socket.connect(self._settings.endpoint)
        self._heartbeat = asyncio.create_task(self._beat())

    async def stop(self) -> None:
        """Disconnect; who still waits is told."""
        if self._heartbeat is None:
            return
        self._heartbeat.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._heartbeat
        self._ready = False
        self._fail_all(errors.NotReadyError("the service is stopping", retry_after_seconds=RETRY_AFTER_SECONDS))
        for sock in (self._monitor, self._socket):
            self._loop.remove_reader(_option(sock, zmq.FD))
        self._socket.disable_monitor()
        self._monitor.close()
        self._socket.close()
        self._context.term()
        self._heartbeat = None

    async def _beat(self) -> None:
        while True:
            age_seconds = self._loop.time() - self._last_pong_seconds
            if self._ready and age_seconds > self._settings.engine_timeout_seconds:
                log.error("engine_silent", seconds=round(age_seconds, 1))
                self._set_ready(False)
            # The descriptors signal edges, and only once a first look has been taken; a look per beat costs nothing.
            self._read_monitor()
            self._read()
            self._give_up_on_lost()
            if self._connected:
                self._ping()
            await asyncio.sleep(self._settings.engine_heartbeat_seconds if self._ready else PING_SECONDS_UNTIL_READY)

    def _ping(self) -> None:
        self._send([wire.encode(wire.Ping(self._catalogue.revision if self._catalogue else ""))])

    # --- out

    def _submit(self, ticket: _Ticket) -> None:
        if len(ticket.images) > BULK_PICTURES:
            self._depart([ticket], None)
            return
        lane = self._lanes.setdefault(ticket.key, _Lane())
        lane.waiting.append(ticket)
        if not lane.in_flight and not lane.flush_scheduled:
            # Not at once: requests that are read in this turn of the loop join the same message.
            lane.flush_scheduled = True
            self._loop.call_soon(self._flush, lane)

    def _flush(self, lane: _Lane) -> None:
        lane.flush_scheduled = False
        if lane.in_flight or not self._ready:
            return
        tickets = [t for t in lane.waiting if not t.future.done()]
        lane.waiting.clear()
        if tickets:
            lane.in_flight = True
            self._depart(tickets, lane)

    def _depart(self, tickets: list[_Ticket], lane: _Lane | None) -> None:
        flight = next(self._ids)
        self._flights[flight] = _Flight(tickets, lane)
        for ticket in tickets:
            ticket.attempts += 1
        model, version = tickets[0].key
        budget_seconds = max(t.deadline_seconds for t in tickets) - self._loop.time()
        header = wire.encode(wire.Predict(flight, model, version, budget_seconds))
        payload: Any = tickets[0].images.data if len(tickets) == 1 else b"".join([t.images.data for t in tickets])
        self._send([header, payload])

    def _send(self, frames: list[Any]) -> None:
        # Nobody there: what was to be sent stays in flight until the next engine or its deadline.
        with contextlib.suppress(zmq.Again):
            self._socket.send_multipart(frames, zmq.NOBLOCK, copy=len(frames) == 1)
        # The descriptor signals edges, and sending may have swallowed one.
        if _option(self._socket, zmq.EVENTS) & zmq.POLLIN:
            self._loop.call_soon(self._read)

    # --- in

    def _read(self) -> None:
        while True:
            try:
                frames = self._socket.recv_multipart(zmq.NOBLOCK)
            except (zmq.Again, zmq.ZMQError):
                return
            try:
                message = wire.decode_from_engine(frames[0])
            except msgspec.MsgspecError as error:
                log.error("bad_message", error=str(error))
                continue
            if isinstance(message, wire.Pong):
                self._hear(message)
            else:
                self._land(message, frames)

    def _land(self, message: wire.Predicted | wire.Refused, frames: list[bytes]) -> None:
        flight = self._flights.pop(message.id, None)
        if flight is None:
            return
        tickets, lane = flight.tickets, flight.lane
        if lane is not None:
            # First the next message, so that the engine has work while this answer is handed out.
            lane.in_flight = False
            self._flush(lane)
        if isinstance(message, wire.Refused):
            _fail(tickets, _refusal(message))
            return
        pictures = sum(len(t.images) for t in tickets)
        try:
            probabilities = np.frombuffer(frames[1], np.float32).reshape(pictures, -1)
            energy = np.frombuffer(frames[2], np.float32).reshape(pictures)
        except (IndexError, ValueError):
            log.error("answer_length", pictures=pictures, frame_bytes=[len(frame) for frame in frames])
            _fail(tickets, errors.InternalError("the engine gave another number of answers"))
            return
        now = self._loop.time()
        at = 0
        for ticket in tickets:
            end = at + len(ticket.images)
            if not ticket.future.done():
                took_seconds = now - ticket.submitted_seconds
                ticket.future.set_result(
                    Answer(
                        probabilities[at:end],
                        energy[at:end],
                        max(0.0, took_seconds - message.inference_seconds),
                        message.inference_seconds,
                    )
                )
            at = end

    def _expire(self, ticket: _Ticket) -> None:
        if not ticket.future.done():
            ticket.future.set_exception(
                errors.DeadlineExceededError(
                    f"no answer within {ticket.deadline_seconds - ticket.submitted_seconds:g} s"
                )
                if self._ready
                else errors.NotReadyError("the engine is not ready", retry_after_seconds=RETRY_AFTER_SECONDS)
            )

    # --- the engine comes and goes

    def _hear(self, pong: wire.Pong) -> None:
        if not self._connected:
            return  # a last word of the engine that has gone
        self._last_pong_seconds = self._loop.time()
        if pong.catalogue is not None:
            if self._catalogue is not None and self._catalogue.engine_id != pong.catalogue.engine_id:
                self._call_back()
            self._catalogue = pong.catalogue
        if pong.ready != self._ready:
            self._set_ready(pong.ready)
        elif pong.ready and pong.catalogue is not None:
            self._resume()

    def _read_monitor(self) -> None:
        while _option(self._monitor, zmq.EVENTS) & zmq.POLLIN:
            event = parse_monitor_message(self._monitor.recv_multipart(zmq.NOBLOCK))["event"]
            if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                self._connected = True
                self._ping()
            elif event == zmq.EVENT_DISCONNECTED:
                self._connected = False
                log.warning("engine_gone", in_flight=len(self._flights))
                self._set_ready(False)
                self._call_back()

    def _set_ready(self, ready: bool) -> None:
        self._ready = ready
        self._up.set(ready)
        if ready:
            log.info("engine_ready", device=self.catalogue.device.name, pid=self.catalogue.engine_pid)
            self._resume()

    def _resume(self) -> None:
        """Send what has waited for an engine; what is for a version that it is still loading waits on."""
        loading = {(v.name, v.version) for v in self.catalogue.versions if v.state == "loading"}
        recalled, self._recalled = self._recalled, []
        for ticket in recalled:
            if ticket.key in loading:
                self._recalled.append(ticket)
            elif not ticket.future.done():
                self._submit(ticket)
        for key, lane in self._lanes.items():
            if key not in loading:
                self._flush(lane)

    def _call_back(self) -> None:
        """What was in flight is lost: let it wait for the next engine, unless it has had its second chance."""
        lost = [ticket for flight in self._flights.values() for ticket in flight.tickets]
        self._flights.clear()
        for lane in self._lanes.values():
            lane.in_flight = False
        self._recalled += [t for t in lost if t.attempts < MAX_ATTEMPTS]
        twice = errors.NotReadyError("the engine went twice", retry_after_seconds=RETRY_AFTER_SECONDS)
        _fail([t for t in lost if t.attempts >= MAX_ATTEMPTS], twice)

    def _give_up_on_lost(self) -> None:
        """Forget messages that nobody waits for any more: one lost on the way must not hold up its lane for good."""
        for flight_id, flight in list(self._flights.items()):
            if all(ticket.future.done() for ticket in flight.tickets):
                del self._flights[flight_id]
                if flight.lane is not None:
                    flight.lane.in_flight = False
                    self._flush(flight.lane)

    def _fail_all(self, error: errors.ServiceError) -> None:
        for flight in self._flights.values():
            _fail(flight.tickets, error)
        for lane in self._lanes.values():
            _fail(lane.waiting, error)
        _fail(self._recalled, error)
        self._flights.clear()


def _fail(tickets: list[_Ticket], error: errors.ServiceError) -> None:
    for ticket in tickets:
        if not ticket.future.done():
            ticket.future.set_exception(error)


def _refusal(message: wire.Refused) -> errors.ServiceError:
    cls = _REFUSALS.get(message.reason, errors.InternalError)
    return cls(message.message, retry_after_seconds=1 if cls is errors.QueueFullError else None)


def _option(sock: zmq.Socket[bytes], option: int) -> int:
    value: int = sock.getsockopt(option)  # type: ignore[assignment]  # these two are numbers
    return value
