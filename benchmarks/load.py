"""Closed-loop load by wrk: each connection sends its next request when the last is answered. Loopback only."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

SCRIPT = Path(__file__).with_name("post_file.lua")
LONGEST_SECONDS = 120.0
_TIMEOUT_SECONDS = 30


class LoadError(Exception):
    """wrk is missing, or did not do its work."""


class Posted(Protocol):
    """A request's body in a file."""

    @property
    def path(self) -> Path: ...

    @property
    def content_type(self) -> str: ...


@dataclass(frozen=True)
class Payload:
    """One request's body in a file, the digit each of its pictures shows, and how many it holds."""

    path: Path
    content_type: str
    digit: int
    pictures: int


@dataclass(frozen=True)
class LoadResult:
    """What one run of wrk saw. `errors`: answers above 399, broken connections and time-outs."""

    connections: int
    requests: int
    duration_seconds: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    errors: int

    @property
    def requests_per_second(self) -> float:
        """Those that failed do not count."""
        return (self.requests - self.errors) / self.duration_seconds


def parse(output: str, connections: int) -> LoadResult:
    """From wrk's output, whose last line is the JSON of `post_file.lua`.

    :raise LoadError: that line is not there.
    """
    lines = output.strip().splitlines()
    try:
        found = json.loads(lines[-1])
        return LoadResult(
            connections=connections,
            requests=found["requests"],
            duration_seconds=found["duration_us"] / 1e6,
            p50_ms=found["p50_us"] / 1e3,
            p99_ms=found["p99_us"] / 1e3,
            max_ms=found["max_us"] / 1e3,
            errors=found["status_errors"] + found["socket_errors"] + found["timeouts"],
        )
    except (IndexError, ValueError, KeyError) as error:
        raise LoadError(f"wrk gave no figures:\n{output}") from error


def run(port: int, payload: Posted, connections: int, seconds: float, path: str = "/predict") -> LoadResult:
    """POST `payload` to `path` on loopback over `connections` for whole `seconds`, at least 1; blocks.

    :raise LoadError: wrk is not installed or failed.
    :raise ValueError: longer than `LONGEST_SECONDS`.
    """
    if not 1 <= seconds <= LONGEST_SECONDS:
        raise ValueError(f"a load lasts 1 to {LONGEST_SECONDS:.0f} seconds, not {seconds}")
    if shutil.which("wrk") is None:
        raise LoadError("wrk is not installed; on Debian or Ubuntu: sudo apt-get install wrk")
    command = ["wrk", "--threads", "1", "--connections", str(connections), "--duration", f"{round(seconds)}s"]
    command += ["--timeout", f"{_TIMEOUT_SECONDS}s", "--script", str(SCRIPT), f"http://127.0.0.1:{port}{path}"]
    command += ["--", str(payload.path), payload.content_type]
    timeout = seconds + 2 * _TIMEOUT_SECONDS
    try:
        ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout)
    except subprocess.TimeoutExpired as error:
        raise LoadError(f"wrk was not done after {timeout:.0f} s") from error
    if ran.returncode != 0:
        raise LoadError(f"wrk ended with {ran.returncode}: {ran.stderr or ran.stdout}")
    return parse(ran.stdout, connections)
