"""Which ticket travels when, with which others, to which engine, and what becomes of it when that engine goes."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Sequence

import numpy as np

from service import errors, logs, metrics, wire
from service.catalogue import Catalogue
from service.client.answers import Answer, Landed, not_ready, outputs, refusal
from service.client.catalogues import Merger
from service.client.link import Link
from service.client.tickets import Flight, Key, Lane, Prediction, Ticket, fail
from service.settings import Settings

log = logs.get(__name__)

BULK_PICTURES = 64
MAX_LOSSES = 2
AHEAD_PICTURES = 8
"""So many that wait are worth a message of their own, behind the one in flight, …"""
SOON_DONE_PICTURES = 16
"""… if the engine has fewer than so many: it would stand still until this loop hears of its answer and sends again. With
more to do it does not, and what waits becomes a larger batch.
"""
AT_ONE_ENGINE = 2
HANDED_OUT = 16
"""After so many pictures' answers the other callers hear of theirs in the loop's next turn: to write so many takes about a
millisecond.
"""


class Dispatcher:
    """All methods belong to the loop that `open` ran in."""

    def __init__(self, settings: Settings) -> None:
        self.links = [Link(endpoint, settings, self) for endpoint in settings.endpoints]
        self.ready = False
        self.catalogue: Catalogue | None = None
        self._only = self.links[0] if len(self.links) == 1 else None
        self._merger = Merger()
        self._ids = itertools.count(1)
        self._lanes: dict[Key, Lane] = {}
        self._stranded: list[Ticket] = []
        """What travels alone and has no engine to go to."""

    def open(self) -> None:
        self._loop = asyncio.get_running_loop()
        for link in self.links:
            link.open()

    async def close(self) -> None:
        """Disconnect; who still waits is told."""
        for link in self.links:
            await link.close()
        self.ready = False
        waiting = [ticket for link in self.links for ticket in link.take_back()]
        waiting += self._stranded
        for lane in self._lanes.values():
            waiting += lane.waiting
            lane.waiting.clear()
            lane.waiting_pictures = 0
        self._stranded.clear()
        fail(waiting, not_ready("the service is stopping"))

    def next_id(self) -> int:
        return next(self._ids)

    # --- out

    def submit(self, ticket: Ticket) -> None:
        """Send it as soon as its turn comes. Its future is the answer's."""
        if not isinstance(ticket, Prediction) or ticket.pictures > BULK_PICTURES:
            link = self._choose(ticket.key, ())
            if link is None:
                self._stranded.append(ticket)
            else:
                self._send_alone(ticket, link, ())
            return
        lane = self._lanes.get(ticket.key)
        if lane is None:
            lane = self._lanes[ticket.key] = Lane(ticket.key)
        lane.waiting.append(ticket)
        lane.waiting_pictures += ticket.pictures
        if not lane.flush_scheduled and (
            len(set(lane.busy)) < len(self.links) or lane.waiting_pictures >= AHEAD_PICTURES
        ):
            # Not at once: requests that are read in this turn of the loop join the same message.
            lane.flush_scheduled = True
            self._loop.call_soon(self._flush, lane)

    def _flush(self, lane: Lane) -> None:
        lane.flush_scheduled = False
        lane.forget_the_done()
        if not lane.waiting:
            return
        link = self._choose(lane.key, lane.busy)
        if link is None and lane.waiting_pictures >= AHEAD_PICTURES:
            link = self._choose(lane.key, [link for link in lane.busy if not _is_soon_done(link, lane)])
        if link is None:
            return
        tickets, lane.waiting, lane.waiting_pictures = lane.waiting, [], 0
        lane.busy.append(link)
        if len(tickets) == 1:
            pictures, payload, deadline_seconds = (
                tickets[0].pictures,
                tickets[0].images.data,
                tickets[0].deadline_seconds,
            )
        else:
            pictures = sum([t.pictures for t in tickets])
            payload = b"".join([t.images.data for t in tickets])  # type: ignore[assignment]  # any buffer will do
            deadline_seconds = max([t.deadline_seconds for t in tickets])
        flight = self._take_off(tickets, pictures, link, lane, ())
        model, version = lane.key
        header = wire.encode(wire.Predict(flight.id, model, version, deadline_seconds - time.monotonic()))
        link.send([header, payload])

    def _send_alone(self, ticket: Ticket, link: Link, refused_by: tuple[Link, ...]) -> None:
        flight = self._take_off([ticket], ticket.pictures, link, None, refused_by)
        link.send(ticket.message(flight.id, ticket.deadline_seconds - time.monotonic()))

    def _take_off(
        self, tickets: Sequence[Ticket], pictures: int, link: Link, lane: Lane | None, refused_by: tuple[Link, ...]
    ) -> Flight:
        flight = Flight(next(self._ids), link, tickets, pictures, lane, refused_by)
        link.flights[flight.id] = flight
        link.pictures += pictures
        for ticket in tickets:
            ticket.flight = flight
        return flight

    def _choose(self, key: Key, busy: Sequence[Link]) -> Link | None:
        """The engine to ask now, none of `busy`; None: wait."""
        only = self._only
        if only is not None:
            return only if only.ready and not busy and key not in only.loading else None
        ready = [link for link in self.links if link.ready]
        having = [link for link in ready if key in link.serves]
        if not having:
            if any(key in link.loading for link in ready):
                return None
            having = ready  # it has left: whoever is asked will say so
        free = [link for link in [link for link in having if link.is_fresh()] or having if link not in busy]
        return min(free, key=lambda link: link.pictures, default=None)

    # --- in

    def land(self, link: Link, message: wire.Predicted | wire.Ran | wire.Refused, frames: list[memoryview]) -> None:
        flight = link.flights.get(message.id)
        if flight is None:
            return
        link.forget(flight)
        if flight.lane is not None:
            # First the next message, so that the engine has work while this answer is handed out.
            self._flush(flight.lane)
        if isinstance(message, wire.Predicted):
            self._hand_out(flight, message, frames)
        elif isinstance(message, wire.Refused):
            self._refuse(flight, message)
        else:
            self._hand_over(flight.tickets[0], message, frames)

    def _hand_out(self, flight: Flight, message: wire.Predicted, frames: list[memoryview]) -> None:
        pictures = flight.pictures
        try:
            probabilities = np.frombuffer(frames[1], np.float32).reshape(pictures, -1)
            energy = np.frombuffer(frames[2], np.float32).reshape(pictures)
        except (IndexError, ValueError):
            log.error("answer_length", pictures=pictures, frame_bytes=[len(frame) for frame in frames])
            fail(flight.tickets, errors.InternalError("the engine gave another number of answers"))
            return
        self._hand_out_from(0, 0, flight.tickets, message, Landed(probabilities, energy), time.monotonic())

    def _hand_out_from(
        self,
        number: int,
        at: int,
        tickets: Sequence[Ticket],
        message: wire.Predicted,
        landed: Landed,
        now: float,
    ) -> None:
        """Answer tickets from `number`, whose rows begin `at`: until `HANDED_OUT` rows have gone; the others in next turns."""
        inference_seconds = message.inference_seconds
        end_at = at + HANDED_OUT
        while number < len(tickets) and at < end_at:
            ticket = tickets[number]
            end = at + ticket.pictures
            if not ticket.future.done():
                queue_seconds = max(0.0, now - ticket.submitted_seconds - inference_seconds)
                ticket.future.set_result(
                    Answer(
                        landed.probabilities[at:end],
                        landed.energy[at:end],
                        queue_seconds,
                        inference_seconds,
                        message.batch_pictures,
                        landed,
                        at,
                    )
                )
            number, at = number + 1, end
        if number < len(tickets):
            self._loop.call_soon(self._hand_out_from, number, at, tickets, message, landed, now)

    def _hand_over(self, ticket: Ticket, message: wire.Ran, frames: list[memoryview]) -> None:
        try:
            given = outputs(message, frames[1:], time.monotonic() - ticket.submitted_seconds)
        except (TypeError, ValueError) as error:
            log.error("outputs_do_not_fit", error=str(error), frame_bytes=[len(frame) for frame in frames])
            fail([ticket], errors.InternalError("the engine gave tensors that do not fit their description"))
            return
        if not ticket.future.done():
            ticket.future.set_result(given)

    def _refuse(self, flight: Flight, message: wire.Refused) -> None:
        refused_by = (*flight.refused_by, flight.link)
        if message.reason == errors.UnknownVersionError.type:
            key = flight.tickets[0].key
            others = [link for link in self.links if link.ready and key in link.serves and link not in refused_by]
            if others:
                for ticket in flight.tickets:
                    if not ticket.future.done():
                        self._send_alone(ticket, others[0], refused_by)
                return
        fail(flight.tickets, refusal(message.reason, message.message))

    # --- time passes, callers leave

    def expire(self, ticket: Ticket) -> None:
        """Its deadline has come: a late answer's fault if the engine is well, else the engine's."""
        for link in self.links:
            link.read()  # this loop may be what is late
        if ticket.future.done():
            return
        if ticket.flight is not None:
            is_well = ticket.flight.link.is_fresh()
        else:
            metrics.DROPPED_PICTURES.labels("deadline").inc(ticket.pictures)
            is_well = any(link.is_fresh() and ticket.key in link.serves for link in self.links)
        budget_seconds = ticket.deadline_seconds - ticket.submitted_seconds
        ticket.future.set_exception(
            errors.DeadlineExceededError(f"no answer within {budget_seconds:g} s")
            if is_well
            else not_ready("the engine is not ready")
        )

    def abandon(self, ticket: Ticket) -> None:
        """Its caller has gone. What nobody waits for any more is not computed if that can still be helped."""
        flight = ticket.flight
        if flight is None:
            metrics.DROPPED_PICTURES.labels("client_gone").inc(ticket.pictures)
        elif flight.id in flight.link.flights and all(t.future.done() for t in flight.tickets):
            self._cancel(flight)

    def _cancel(self, flight: Flight) -> None:
        flight.link.send([wire.encode(wire.Cancel(flight.id))])
        self._forget(flight)

    def _forget(self, flight: Flight) -> None:
        flight.link.forget(flight)
        if flight.lane is not None:
            self._flush(flight.lane)

    # --- engines come and go

    def changed(self) -> None:
        """Go by the links' present state; send what has waited for it."""
        heard = [link.catalogue for link in self.links if link.catalogue is not None]
        present = [link.catalogue for link in self.links if link.ready and link.catalogue is not None]
        self.catalogue = self._merger.merge(present or heard)
        self.ready = any(link.ready for link in self.links)
        if not self.ready:
            return
        stranded, self._stranded = self._stranded, []
        for ticket in stranded:
            if not ticket.future.done():
                self.submit(ticket)
        for key, lane in list(self._lanes.items()):
            self._flush(lane)
            if not (lane.waiting or lane.busy or lane.flush_scheduled):
                del self._lanes[key]  # versions come and go

    def lost(self, link: Link) -> None:
        """What was in flight there goes to another, or waits for the next, unless it has had its second chance."""
        lost = [ticket for ticket in link.take_back() if not ticket.future.done()]
        for ticket in lost:
            ticket.flight = None
            ticket.losses += 1
        fail([t for t in lost if t.losses >= MAX_LOSSES], not_ready("the engine went twice"))
        for ticket in lost:
            if ticket.losses < MAX_LOSSES:
                self.submit(ticket)
        for lane in list(self._lanes.values()):
            self._flush(lane)

    def tidy(self, link: Link) -> None:
        """Let what a silent engine has go to another, and forget messages that nobody waits for any more."""
        if link.silent and link.flights and self.ready:
            flights = list(link.flights.values())
            self.lost(link)
            for flight in flights:
                link.send([wire.encode(wire.Cancel(flight.id))])
        for flight in list(link.flights.values()):
            # One lost on the way must not hold up its lane for good.
            if all(ticket.future.done() for ticket in flight.tickets):
                self._forget(flight)


def _is_soon_done(link: Link, lane: Lane) -> bool:
    return link.pictures < SOON_DONE_PICTURES and lane.busy.count(link) < AT_ONE_ENGINE
