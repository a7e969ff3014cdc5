"""What is to be reached, and whether it was: medians of ratios taken within a round."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.peers.contest import Contest
from benchmarks.peers.figures import Series, Value, loaded, of, opened, p50, rate, ratio, series, servers
from benchmarks.peers.payloads import BULK_PICTURES, SEVERAL_PNGS
from benchmarks.peers.turn import OURS, Turn

FAR_BEHIND = ("bentoml", "litserve", "mlserver", "ray")


@dataclass(frozen=True)
class Target:
    """`found` is compared with `wanted`; `reached` is None where nothing was measured."""

    load: str
    against: str
    wanted: str
    found: str
    reached: bool | None


def _judged(load: str, against: str, found: Series, limit: float, *, at_most: bool, unit: str = " ×") -> Target:
    decimals = 1 if unit == " ms" else 2
    if not found.values:
        return Target(load, against, _wanted(limit, at_most, unit), "–", None)
    reached = found.median <= limit if at_most else found.median >= limit
    return Target(load, against, _wanted(limit, at_most, unit), found.text(decimals, unit), reached)


def _wanted(limit: float, at_most: bool, unit: str) -> str:
    return f"{'≤' if at_most else '≥'} {limit:g}{unit}"


def targets(contest: Contest) -> list[Target]:
    """All of them, in the order of what hurts a user most."""
    peers = [name for name in servers(contest) if name != OURS]
    one, eight, many, most = (f"28×28 PNG, {count} connection{'s' if count > 1 else ''}" for count in (1, 8, 32, 128))
    found = [
        _judged(f"{one}, p50", "the best peer", ratio(contest, p50("png/1"), peers, min), 0.4, at_most=True),
        _judged(f"{one}, p50", "–", of(contest, OURS, p50("png/1")), 1.4, at_most=True, unit=" ms"),
        _judged(f"{eight}, requests/s", "the best peer", ratio(contest, rate("png/8"), peers), 2.0, at_most=False),
        _judged(f"{many}, requests/s", "mosec", ratio(contest, rate("png/32"), ["mosec"]), 1.5, at_most=False),
        _judged(f"{most}, requests/s", "mosec", ratio(contest, rate("png/128"), ["mosec"]), 1.0, at_most=False),
    ]
    found += [
        _judged(f"{most}, requests/s", name, ratio(contest, rate("png/128"), [name]), 5.0, at_most=False)
        for name in FAR_BEHIND
    ]
    bulk = _to_limit(contest, "raw/4", BULK_PICTURES, [limit.bare_best if limit else None for limit in contest.limits])
    several = _to_limit(
        contest, "several/4", SEVERAL_PNGS, [limit.together if limit else None for limit in contest.limits]
    )
    found += [
        _judged("1,024 raw per request, pictures/s", "the bare model at its best batch size", bulk, 0.9, at_most=False),
        _judged("64 PNGs per request, pictures/s", "decoding and model alone", several, 0.7, at_most=False),
        *_open(contest),
        _judged("start to ready", "importing TensorFlow", _start(contest), 1.5, at_most=True),
        _judged("new version to its first answer", "–", of(contest, OURS, _new_version), 3.0, at_most=True, unit=" s"),
    ]
    return found


def _to_limit(contest: Contest, key: str, pictures: int, limits: list[float | None]) -> Series:
    """Pictures per second of ours over the limit of the same round."""
    value = loaded(key, lambda measured: measured.result.requests_per_second * pictures)
    return _within_rounds(contest, value, limits)


def _within_rounds(contest: Contest, value: Value, limits: list[float | None]) -> Series:
    found = []
    for turns, limit in zip(contest.rounds, limits, strict=False):
        mine = next((value(turn) for turn in turns if turn.server == OURS), None)
        found.append(mine / limit if mine is not None and limit else None)
    return series(found)


def _open(contest: Contest) -> list[Target]:
    tail = opened(0.8, lambda result: result.answered.p99_ms / result.answered.p50_ms)
    goodput = opened(1.2, lambda result: 1.2 * result.goodput / result.rate)
    refusal = opened(1.2, lambda result: result.refusal.p99_ms)
    refused = of(contest, OURS, refusal)
    judged = _judged("open loop at 120 %, refused, p99", "–", refused, 5.0, at_most=True, unit=" ms")
    overloaded = of(contest, OURS, opened(1.2, lambda result: float(result.due - result.in_time)))
    if not refused.values and overloaded.values and overloaded.median > 0:
        # What is not refused at once waits, which is what the target is there to forbid.
        judged = Target(judged.load, judged.against, judged.wanted, "nothing was refused", False)
    return [
        _judged("open loop at 80 %", "p99 / p50", of(contest, OURS, tail), 4.0, at_most=True),
        _judged("open loop at 120 %, goodput", "capacity", of(contest, OURS, goodput), 0.9, at_most=False),
        judged,
    ]


def _start(contest: Contest) -> Series:
    return _within_rounds(
        contest, lambda turn: turn.ready_seconds, [limit.import_seconds if limit else None for limit in contest.limits]
    )


def _new_version(turn: Turn) -> float | None:
    return turn.new_version_seconds


def verdict(target: Target) -> str:
    """A word for the table."""
    return "not measured" if target.reached is None else "yes" if target.reached else "no"
