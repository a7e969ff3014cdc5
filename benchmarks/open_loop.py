"""Open-loop load: requests are sent when they are due, whether or not the ones before have been answered.

    python -m benchmarks.open_loop PORT PATH FILE CONTENT-TYPE --rate 2000 --seconds 4

Arrivals are a Poisson process. Latency counts from the moment at which a request was due, so that what a busy server – or a
late sender – does to those who come meanwhile is not left out (Tene's "coordinated omission").

It shares the machine with what it measures, so it states its own CPU time per request and how late it sent.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.load import LoadError, Posted
from benchmarks.open_loop_generator import Sent, send

CONNECTIONS_MAX = 2000
DRAIN_SECONDS = 3.0
"""How long the last requests may take after the last one was due."""
_SPARE_DESCRIPTORS = 64
_REFUSALS = frozenset({429, 503})


@dataclass(frozen=True)
class Percentiles:
    """Milliseconds; NaN where there was nothing to measure."""

    p50_ms: float
    p99_ms: float
    max_ms: float


@dataclass(frozen=True)
class OpenResult:
    """What became of the requests of one run.

    `in_time` were answered 200 before the last one was due; they alone are goodput. `late` were answered 200 after it,
    `refused` 429 or 503; `failed` are other answers and broken connections, `unanswered` the rest. `answered`: latency of
    all that were answered 200. `send_delay`: between due and sent. `cpu_us` is the generator's own, per request.
    """

    rate: float
    seconds: float
    due: int
    in_time: int
    late: int
    refused: int
    failed: int
    unanswered: int
    answered: Percentiles
    refusal: Percentiles
    send_delay: Percentiles
    connections: int
    cpu_us: float

    @property
    def goodput(self) -> float:
        """Answers per second while requests came."""
        return self.in_time / self.seconds


def percentiles(seconds: Sequence[float]) -> Percentiles:
    """Of times in seconds."""
    if not len(seconds):
        return Percentiles(math.nan, math.nan, math.nan)
    p50, p99, largest = (float(value) for value in np.percentile(np.asarray(seconds) * 1e3, (50, 99, 100)))
    return Percentiles(p50, p99, largest)


def arrivals(rate: float, seconds: float, seed: int) -> list[float]:
    """When requests are due: a Poisson process of `rate` per second, in seconds from 0, all before `seconds`."""
    generator = np.random.default_rng(seed)
    gaps = generator.exponential(1 / rate, round(rate * seconds * 1.2) + 100)
    times = np.cumsum(gaps)
    return [float(due) for due in times[times < seconds]]


def result_of(found: Sent, due: Sequence[float], rate: float, seconds: float) -> OpenResult:
    """Counts and percentiles of what was sent."""
    ended, sent, status = found.ended, found.sent, found.status
    times = np.asarray(due)
    right, refused = status == 200, np.isin(status, list(_REFUSALS))
    in_time = right & (ended <= seconds)
    sent_at_all = ~np.isnan(sent)
    return OpenResult(
        rate=rate,
        seconds=seconds,
        due=len(times),
        in_time=int(in_time.sum()),
        late=int((right & ~in_time).sum()),
        refused=int(refused.sum()),
        failed=int(((status != 0) & ~right & ~refused).sum()),
        unanswered=int((status == 0).sum()),
        answered=percentiles((ended - times)[right]),
        refusal=percentiles((ended - times)[refused]),
        send_delay=percentiles((sent - times)[sent_at_all]),
        connections=found.most_open,
        cpu_us=1e6 * found.cpu_seconds / max(1, len(times)),
    )


def run(
    port: int,
    path: str,
    payload: Posted,
    rate: float,
    seconds: float,
    *,
    seed: int = 0,
    connections: int = CONNECTIONS_MAX,
    slowest_seconds: float = 30.0,
) -> OpenResult:
    """In a process of its own, so that nothing else delays it; blocks for about `seconds` and the drain.

    :param connections: at most.
    :raise LoadError: it failed; with what it wrote.
    """
    try:
        body = payload.path.read_bytes()
    except OSError as error:
        raise LoadError(f"there is nothing to post: {error}") from error
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {payload.content_type}\r\n"
    message = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    due = arrivals(rate, seconds, seed)
    allowed = _descriptors(connections + _SPARE_DESCRIPTORS) - _SPARE_DESCRIPTORS
    timeout_seconds = seconds + DRAIN_SECONDS + slowest_seconds
    found = send(port, message, due, min(connections, allowed), DRAIN_SECONDS, timeout_seconds)
    return result_of(found, due, rate, seconds)


def _descriptors(wanted: int) -> int:
    """How many files this process and its children may have open, once it has asked for so many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= soft < wanted:
        soft = wanted if hard < 0 else min(hard, wanted)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return wanted if soft < 0 else soft


def main() -> int:
    """The command line of one run; prints one line of JSON. Exit code 1: it failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.open_loop", description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("path")
    parser.add_argument("file", type=Path)
    parser.add_argument("content_type")
    parser.add_argument("--rate", type=float, required=True, help="requests a second, on average")
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--connections", type=int, default=CONNECTIONS_MAX, help="at most")
    given = parser.parse_args()
    payload = _File(given.file, given.content_type)
    try:
        result = run(
            given.port, given.path, payload, given.rate, given.seconds, seed=given.seed, connections=given.connections
        )
    except LoadError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(json.dumps(asdict(result)))
    return 0


@dataclass(frozen=True)
class _File:
    path: Path
    content_type: str


if __name__ == "__main__":
    sys.exit(main())
