"""Open-loop load: requests are sent when they are due, whether or not the ones before have been answered.

    python -m benchmarks.open_loop PORT PATH FILE CONTENT-TYPE --rate 2000 --seconds 4

Arrivals are a Poisson process. Latency counts from the moment at which a request was due, so that what a busy server – or a
late sender – does to those who come meanwhile is not left out (Tene's "coordinated omission").

It shares the machine with what it measures, so it states its own CPU time per request and how late it sent.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import gc
import json
import math
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.load import LoadError, Posted
from benchmarks.open_loop_generator import Generator

CONNECTIONS_MAX = 2000
DRAIN_SECONDS = 3.0
"""How long the last requests may take after the last one was due."""
_NICE = -10
_PR_SET_TIMERSLACK = 29
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


def result_of(
    generator: Generator, due: Sequence[float], rate: float, seconds: float, cpu_seconds: float
) -> OpenResult:
    """Counts and percentiles of a generator that has run."""
    ended, sent, status = np.asarray(generator.ended), np.asarray(generator.sent), np.asarray(generator.status)
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
        connections=generator.most_open,
        cpu_us=1e6 * cpu_seconds / max(1, len(times)),
    )


def run(
    port: int, path: str, payload: Posted, rate: float, seconds: float, *, seed: int = 0, slowest_seconds: float = 30.0
) -> OpenResult:
    """In a process of its own, so that nothing else delays it; blocks for about `seconds` and the drain.

    :raise LoadError: it failed; with what it wrote.
    """
    command = [sys.executable, "-m", "benchmarks.open_loop", str(port), path, str(payload.path), payload.content_type]
    command += ["--rate", str(rate), "--seconds", str(seconds), "--seed", str(seed)]
    timeout = seconds + DRAIN_SECONDS + slowest_seconds
    try:
        ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout)
    except subprocess.TimeoutExpired as error:
        raise LoadError(f"the open loop was not done after {timeout:.0f} s") from error
    if ran.returncode != 0:
        raise LoadError(f"the open loop ended with {ran.returncode}: {ran.stderr[-1000:]}")
    return from_json(ran.stdout)


def from_json(text: str) -> OpenResult:
    """What `main` printed."""
    found = json.loads(text)
    for name in ("answered", "refusal", "send_delay"):
        found[name] = Percentiles(**found[name])
    return OpenResult(**found)


def main() -> None:
    """The command line of one run; prints one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.open_loop", description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("path")
    parser.add_argument("file", type=Path)
    parser.add_argument("content_type")
    parser.add_argument("--rate", type=float, required=True, help="requests a second, on average")
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--connections", type=int, default=CONNECTIONS_MAX, help="at most")
    arguments = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    connections = arguments.connections
    if soft < connections + 64:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (min(hard, connections + 64) if hard > 0 else connections + 64, hard)
        )
        connections = min(connections, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 64)
    # What measures goes before what is measured, where the system lets it: else its own waiting is taken for the server's.
    with contextlib.suppress(PermissionError):
        os.nice(_NICE)
    # The kernel may wake a sleeper 50 µs late unless it is told not to.
    ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
    body = arguments.file.read_bytes()
    head = f"POST {arguments.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {arguments.content_type}\r\n"
    due = arrivals(arguments.rate, arguments.seconds, arguments.seed)
    generator = Generator(
        arguments.port, f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body, due, connections
    )
    gc.disable()
    before = time.process_time()
    generator.run(DRAIN_SECONDS)
    result = result_of(generator, due, arguments.rate, arguments.seconds, time.process_time() - before)
    print(json.dumps(asdict(result)))


if __name__ == "__main__":
    main()
