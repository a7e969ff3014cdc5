"""What waits and what travels: a caller's Ticket, the Lane it may wait in, the Flight it is sent with."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from service import errors, wire

if TYPE_CHECKING:
    from service.client.link import Link

Key = tuple[str, int]
"""A model's name and version."""


@dataclass(slots=True, eq=False)
class Ticket:
    """One caller's work and its promise."""

    key: Key
    pictures: int
    """What it counts for where the queue is bounded and engines are compared."""
    future: asyncio.Future[Any]
    submitted_seconds: float
    deadline_seconds: float
    losses: int = field(default=0, kw_only=True)
    """Engines that went while it was with them."""
    flight: Flight | None = field(default=None, kw_only=True)
    """None while it has not departed, or waits for another engine."""

    def message(self, flight_id: int, budget_seconds: float) -> list[Any]:
        """The frames of a message of its own."""
        raise NotImplementedError


@dataclass(slots=True, eq=False)
class Prediction(Ticket):
    """Pictures to classify."""

    images: npt.NDArray[np.uint8]

    def message(self, flight_id: int, budget_seconds: float) -> list[Any]:
        model, version = self.key
        return [wire.encode(wire.Predict(flight_id, model, version, budget_seconds, True)), self.images.data]


@dataclass(slots=True, eq=False)
class Call(Ticket):
    """A signature to call."""

    signature: str
    tensors: Sequence[tuple[wire.Tensor, npt.NDArray[Any]]]
    outputs: tuple[str, ...]

    def message(self, flight_id: int, budget_seconds: float) -> list[Any]:
        described = tuple(tensor for tensor, _ in self.tensors)
        header = wire.Run(flight_id, *self.key, self.signature, described, self.outputs, budget_seconds)
        return [wire.encode(header), *(array.data for _, array in self.tensors)]


@dataclass(slots=True, eq=False)
class Lane:
    """Small predictions of one model version that wait for those of theirs in flight."""

    key: Key
    waiting: list[Prediction] = field(default_factory=list)
    waiting_pictures: int = 0
    busy: list[Link] = field(default_factory=list)
    """The engines at which a message of this lane is in flight, each as often as there are messages."""
    flush_scheduled: bool = False

    def forget_the_done(self) -> None:
        """Let go of those for whom nobody waits any more."""
        self.waiting = [ticket for ticket in self.waiting if not ticket.future.done()]
        self.waiting_pictures = sum([ticket.pictures for ticket in self.waiting])


@dataclass(slots=True, eq=False)
class Flight:
    """A message on its way, and the lane that waits for it; what travels alone holds up nobody."""

    id: int
    link: Link
    tickets: Sequence[Ticket]
    pictures: int
    lane: Lane | None
    refused_by: tuple[Link, ...] = ()
    """Engines that did not have the version although their catalogue had it."""


def described(tensors: Mapping[str, npt.NDArray[Any]]) -> list[tuple[wire.Tensor, npt.NDArray[Any]]]:
    """Each tensor as the wire wants it, C order and this machine's byte order, with its description."""
    laid_out = []
    for name, given in tensors.items():
        array = np.ascontiguousarray(given, given.dtype.newbyteorder("="))
        laid_out.append((wire.Tensor(name, array.dtype.name, given.shape), array))
    return laid_out


def fail(tickets: Sequence[Ticket], error: errors.ServiceError) -> None:
    """Tell all who still wait."""
    for ticket in tickets:
        if not ticket.future.done():
            ticket.future.set_exception(error)
