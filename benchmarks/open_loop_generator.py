"""The sender of the open loop, `open_loop_generator.c`: compiled when it is first needed, given its times, and heard out."""

from __future__ import annotations

import hashlib
import os
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.load import LoadError
from benchmarks.server import ROOT

SOURCE = Path(__file__).with_suffix(".c")
_COMPILED = ROOT / "bench-results"
_FLAGS = ("-O2", "-lm")
_READY_CONNECTIONS = 640
_READY_SHARE = 0.125
"""Seconds' worth of requests for which there are connections before the first is due, as callers have who come every day."""
_FEW_CONNECTIONS = 25
"""Where that would be fewer, there are none: a server that keeps no connection may stand still for one that is silent."""
_TAIL = struct.Struct("=Qd")


@dataclass(frozen=True)
class Sent:
    """What became of each request, in the order due; times in seconds from the begin, NaN where there is none.

    `status`: 0: not answered; -1: the connection broke. `cpu_seconds`: what all of it took.
    """

    sent: npt.NDArray[np.float64]
    ended: npt.NDArray[np.float64]
    status: npt.NDArray[np.int32]
    most_open: int
    cpu_seconds: float


def ready_connections(due: Sequence[float]) -> int:
    """How many are opened before the first of the requests that are `due`."""
    wanted = round(_READY_SHARE * len(due) / due[-1]) if due and due[-1] > 0 else 0
    return min(wanted, _READY_CONNECTIONS) if wanted >= _FEW_CONNECTIONS else 0


def send(
    port: int,
    message: bytes,
    due: Sequence[float],
    connections_max: int,
    drain_seconds: float,
    timeout_seconds: float,
) -> Sent:
    """Send `message` to 127.0.0.1 at the times `due`, in seconds from the begin, ascending; blocks until all are answered,
    or `drain_seconds` after the last was due.

    :raise LoadError: there is no compiler, or it failed, with what it wrote, or was not done in time.
    """
    command = [str(_compiled()), str(port), str(ready_connections(due)), str(connections_max), str(drain_seconds)]
    given = struct.pack("=Q", len(message)) + message + struct.pack("=Q", len(due)) + np.asarray(due, float).tobytes()
    try:
        ran = subprocess.run(command, input=given, capture_output=True, check=False, timeout=timeout_seconds)
    except subprocess.TimeoutExpired as error:
        raise LoadError(f"the open loop was not done after {timeout_seconds:.0f} s") from error
    if ran.returncode != 0:
        raise LoadError(f"the open loop ended with {ran.returncode}: {ran.stderr.decode(errors='replace')[-1000:]}")
    number, out = len(due), ran.stdout
    times = np.frombuffer(out, np.float64, 2 * number)
    status = np.frombuffer(out, np.int32, number, offset=16 * number)
    most_open, cpu_seconds = _TAIL.unpack_from(out, 20 * number)
    return Sent(times[:number], times[number:], status, most_open, cpu_seconds)


def _compiled() -> Path:
    """The program, compiled from the source as it is now."""
    digest = hashlib.sha256(SOURCE.read_bytes() + " ".join(_FLAGS).encode()).hexdigest()[:12]
    program = _COMPILED / f"open-loop-{digest}"
    if program.exists():
        return program
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        raise LoadError("the open loop needs a C compiler; on Debian or Ubuntu: sudo apt-get install build-essential")
    _COMPILED.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_COMPILED) as folder:
        made = Path(folder) / program.name
        command = [compiler, str(SOURCE), "-o", str(made), *_FLAGS]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        if ran.returncode != 0:
            raise LoadError(f"{' '.join(command)} ended with {ran.returncode}: {ran.stderr[-1000:]}")
        made.replace(program)
    return program
