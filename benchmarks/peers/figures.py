"""From turns to figures: each server's value in every round, and ratios taken within a round, where both met the same machine."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from benchmarks.open_loop import OpenResult
from benchmarks.peers.contest import Contest
from benchmarks.peers.turn import OURS, Turn
from benchmarks.rounds import LoadMeasure

Value = Callable[[Turn], float | None]


@dataclass(frozen=True)
class Series:
    """One value per round that has one."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """NaN where there is none."""
        return statistics.median(self.values) if self.values else math.nan

    @property
    def spread(self) -> float:
        """How far the farthest round lies from the median, as a part of it."""
        middle = self.median
        return max((abs(value - middle) / abs(middle) for value in self.values), default=0.0) if middle else 0.0

    def text(self, decimals: int = 0, unit: str = "") -> str:
        """`1,234 ±5%`, or a dash."""
        if not self.values:
            return "–"
        percent = round(100 * self.spread)
        return f"{self.median:,.{decimals}f}{unit}" + (f" ±{percent}%" if percent else "")


def series(values: Iterable[float | None]) -> Series:
    """Without what is missing or no number."""
    return Series(tuple(value for value in values if value is not None and math.isfinite(value)))


def turns_of(contest: Contest, server: str) -> list[Turn]:
    """A server's turns, one for each round that it took part in."""
    return [turn for turns in contest.rounds for turn in turns if turn.server == server]


def servers(contest: Contest) -> list[str]:
    """Ours first, then the peers by what they answered at most, the quickest first."""
    names = dict.fromkeys(turn.server for turns in contest.rounds for turn in turns)
    quickest = {name: series(turn.capacity for turn in turns_of(contest, name)).median for name in names}
    return sorted(names, key=lambda name: (name != OURS, -quickest[name] if math.isfinite(quickest[name]) else 0.0))


def of(contest: Contest, server: str, value: Value) -> Series:
    """A server's value in every round."""
    return series(value(turn) for turn in turns_of(contest, server))


def ratio(contest: Contest, value: Value, others: Iterable[str], best: Callable[[list[float]], float] = max) -> Series:
    """Our value over the best of `others`, round by round."""
    names = set(others)
    found = []
    for turns in contest.rounds:
        mine = next((value(turn) for turn in turns if turn.server == OURS), None)
        theirs = [number for turn in turns if turn.server in names and (number := value(turn)) is not None]
        if mine is not None and theirs:
            found.append(mine / best(theirs))
    return Series(tuple(found))


def loaded(key: str, what: Callable[[LoadMeasure], float]) -> Value:
    """Of the closed load `key`; a load that answered nothing has none."""

    def value(turn: Turn) -> float | None:
        measured = turn.loads.get(key)
        return what(measured) if measured and measured.result.requests_per_second > 0 else None

    return value


def rate(key: str) -> Value:
    """Requests per second of the closed load `key`."""
    return loaded(key, lambda measured: measured.result.requests_per_second)


def p50(key: str) -> Value:
    """Milliseconds of the closed load `key`."""
    return loaded(key, lambda measured: measured.result.p50_ms)


def opened(share: float, what: Callable[[OpenResult], float]) -> Value:
    """Of the open load at this share of capacity."""

    def value(turn: Turn) -> float | None:
        result = turn.open.get(share)
        return what(result) if result else None

    return value
