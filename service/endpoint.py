"""What an inference endpoint is, whoever carries its requests: the lane in the event loop, or Flask in a thread.

    Call ── begin ──▶ Job ── ask (the engine) ──▶ ── finish ──▶ Reply
    any of the three may raise a ServiceError, which becomes a Reply by `service.responses.refused`

`begin` and `finish` are plain functions; `ask` runs in the engine client's loop. Carriers know nothing of pictures or
protocols, endpoints nothing of sockets or threads; a test holds the answers over both carriers byte for byte equal.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Protocol

import msgspec

from service.responses import Reply


class Call(msgspec.Struct, frozen=True):
    """A POST request as HTTP brought it. A struct, for making a frozen dataclass takes ten times as long."""

    path: str
    """Percent-decoded."""
    query: bytes
    """What stands behind the question mark."""
    headers: Mapping[bytes, bytes]
    """By name in lower case."""
    body: bytes
    """Whole, and unpacked if it came packed."""
    request_id: str
    started_seconds: float
    """By the predictor's clock."""
    budget_seconds: float
    """How long the answer may take, from then on."""

    def header(self, name: bytes) -> str:
        """A header's value, `""` if there is none. `name` in lower case."""
        return self.headers.get(name, b"").decode("latin-1")


class Facts(msgspec.Struct, frozen=True):
    """What is told of a request: in its line of the log and in its trace."""

    model: str
    version: int
    pictures: int
    """That the model was shown, or is to be shown."""
    stages: Mapping[str, float]
    """Seconds by stage, in the order passed; those that it has come to."""
    batch_pictures: int = 0
    """In the model's call that answered it, others' pictures included; 0 if there was none, or it is not known."""


class ApartError(Exception):
    """What befell a company may not befall each of its members: each is to be asked by itself."""


class Company(NamedTuple):
    """What those have in common who may be asked together."""

    key: Hashable
    ask: Callable[[Sequence[Any]], Awaitable[None]]
    """As `Job.ask` of each of the jobs that it is given.

    :raise ApartError: together they cannot be answered; alone they may.
    :raise ServiceError: as `Job.ask`, and it is everyone's.
    """


class Job(Protocol):
    """A request whose input is ready for the model, and later its answer too."""

    @property
    def pictures(self) -> int:
        """How many rows its answer has, roughly: what `finish` costs."""
        ...

    @property
    def company(self) -> Company | None:
        """Jobs that begin at the same time with the same company may be asked together; None: it goes alone."""
        ...

    async def ask(self) -> None:
        """Get the answer from the engine and keep it.

        :raise ServiceError: as `service.client.EngineClient.ask` does.
        """
        ...

    def facts(self) -> Facts:
        """What there is to tell of it, however far it has come."""
        ...

    def passed(self, write_seconds: float) -> None:
        """It has been answered, well; record how long its stages took. Writing took `write_seconds`."""
        ...


class Solitary:
    """A job that is always asked by itself."""

    __slots__ = ()
    company: ClassVar[None] = None


class Endpoint(Protocol):
    """One kind of inference request."""

    @property
    def route(self) -> str:
        """Its pattern, the label of its metrics: a path would make a time series of every model."""
        ...

    def matches(self, path: str) -> bool:
        """Whether a POST to `path` is for it."""
        ...

    def is_heavy(self, call: Call) -> bool:
        """Whether `begin` would hold up an event loop for more than about a millisecond."""
        ...

    def begin(self, call: Call) -> Any:
        """Check and take apart; the `Job`.

        :raise ServiceError: any fault of the input.
        """
        ...

    def finish(self, job: Any) -> Reply:
        """The answer to a job that has been asked."""
        ...
