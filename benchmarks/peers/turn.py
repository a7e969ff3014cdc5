"""One server's turn in a round: every load once, closed and open, with its costs and its answers checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from benchmarks import load, open_loop
from benchmarks.load import LoadError
from benchmarks.open_loop import OpenResult
from benchmarks.peers.payloads import Probabilities, WrongAnswerError
from benchmarks.peers.serving import Serving, by_program
from benchmarks.processes import Memory, Process, cpu_seconds_by_role
from benchmarks.rounds import LoadMeasure

OURS = "digits"
OPEN_SHARES = (0.5, 0.8, 0.95, 1.2)
"""Of the most that the same server answered just before, with every connection waiting for its answer."""


@dataclass(frozen=True)
class Load:
    """A kind of body and how many connections send it."""

    kind: str
    connections: int

    def __str__(self) -> str:
        return f"{self.kind}/{self.connections}"


LOADS = (
    Load("png", 1),
    Load("png", 8),
    Load("png", 32),
    Load("png", 128),
    Load("drawing", 8),
    Load("several", 4),
    Load("raw", 4),
    Load("json", 4),
)


@dataclass
class Turn:
    """What a turn gave. `loads` by the load's text; `open` by the share of capacity; `memory` summed by kind of process.

    `failures`: why something is missing, by load; `start` where the server did not even start.
    """

    server: str
    layout: str
    first_answer_seconds: float | None = None
    ready_seconds: float | None = None
    new_version_seconds: float | None = None
    capacity: float | None = None
    loads: dict[str, LoadMeasure] = field(default_factory=dict)
    open: dict[float, OpenResult] = field(default_factory=dict)
    memory: dict[str, Memory] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Length:
    """Seconds: of a closed load, of an open one."""

    closed_seconds: float
    open_seconds: float


def closed(serving: Serving, one: Load, seconds: float, expected: Mapping[str, Probabilities]) -> LoadMeasure:
    """One load, its answers checked before and after.

    :raise WrongAnswerError: an answer is not ours.
    :raise LoadError: wrk failed.
    """
    serving.check(one.kind, expected)
    before = _processes(serving)
    result = load.run(serving.port, serving.bodies[one.kind], one.connections, seconds, serving.path)
    after = _processes(serving)
    serving.check(one.kind, expected)
    requests = max(1, result.requests)
    spent = cpu_seconds_by_role(before, after)
    return LoadMeasure(result, {role: 1e6 * seconds_ / requests for role, seconds_ in spent.items()})


def measure(
    turn: Turn,
    serving: Serving,
    loads: tuple[Load, ...],
    shares: tuple[float, ...],
    length: Length,
    expected: Mapping[str, Probabilities],
    say: Callable[[str], None],
    seed: int,
) -> None:
    """Everything that `loads` and `shares` ask for, into `turn`. What fails is noted, and the next is tried."""
    load.run(serving.port, serving.bodies["png"], 8, 1, serving.path)
    for one in loads:
        if one.kind not in serving.bodies:
            turn.failures[str(one)] = "it takes no such body"
            continue
        say(str(one))
        try:
            turn.loads[str(one)] = closed(serving, one, length.closed_seconds, expected)
        except (WrongAnswerError, LoadError) as error:
            turn.failures[str(one)] = str(error)
    turn.memory = _memory(serving)
    rates = [found.result.requests_per_second for key, found in turn.loads.items() if key.startswith("png/")]
    capacity = max(rates, default=0.0)
    if not capacity:
        return
    turn.capacity = capacity
    for share in shares:
        say(f"open loop, {share:.0%} of {capacity:,.0f}/s")
        try:
            turn.open[share] = open_loop.run(
                serving.port,
                serving.path,
                serving.bodies["png"],
                max(1.0, share * capacity),
                length.open_seconds,
                seed=seed,
            )
        except LoadError as error:
            turn.failures[f"open/{share:g}"] = str(error)


def _processes(serving: Serving) -> list[Process]:
    found = serving.processes()
    return found if serving.name == OURS else by_program(found)


def _memory(serving: Serving) -> dict[str, Memory]:
    total: dict[str, Memory] = {}
    for process in _processes(serving):
        known, new = total.get(process.role, Memory(0, 0, 0)), process.memory
        total[process.role] = Memory(
            known.rss_bytes + new.rss_bytes, known.pss_bytes + new.pss_bytes, known.uss_bytes + new.uss_bytes
        )
    return total
