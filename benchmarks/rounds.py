"""One round measures everything once with a service started afresh; several rounds, interleaved so, give a spread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import bare, drawn, load, server
from benchmarks.load import LoadResult, Payload
from benchmarks.processes import Memory, cpu_seconds_by_role

BULK_PICTURES = 1024
DIGIT = 7


@dataclass(frozen=True)
class Plan:
    """What to measure. `seconds` is the length of one load; there are len(connections) + len(bulk_connections) a round."""

    models_dir: Path
    model: str = "cnn"
    rounds: int = 3
    seconds: float = 5.0
    connections: tuple[int, ...] = (1, 8, 32, 128)
    bulk_connections: tuple[int, ...] = (1, 4)


@dataclass(frozen=True)
class LoadMeasure:
    """One load with the CPU time it cost in each kind of process, in microseconds per request."""

    result: LoadResult
    cpu_us_per_request: dict[str, float]


@dataclass(frozen=True)
class Round:
    """Everything once. `memory`: by role, of its largest process, after all loads."""

    live_seconds: float
    ready_seconds: float
    png: tuple[LoadMeasure, ...]
    bulk: tuple[LoadMeasure, ...]
    bare: bare.Rates
    memory: dict[str, Memory]


def write_payloads(folder: Path) -> tuple[Payload, Payload]:
    """One 28×28 PNG, and 1,024 such pictures as raw uint8, as files in `folder`."""
    picture = drawn.draw_digit(DIGIT)
    single = folder / "digit.png"
    single.write_bytes(drawn.png(picture))
    many = folder / "digits.raw"
    many.write_bytes(np.broadcast_to(picture, (BULK_PICTURES, *picture.shape)).tobytes())
    return (
        Payload(single, "image/png", DIGIT, 1),
        Payload(many, "application/octet-stream", DIGIT, BULK_PICTURES),
    )


def measure_load(running: server.Server, payload: Payload, connections: int, seconds: float) -> LoadMeasure:
    """One load, its answers checked before and after."""
    running.check(payload)
    before = running.processes()
    result = load.run(running.port, payload, connections, seconds)
    after = running.processes()
    running.check(payload)
    spent = cpu_seconds_by_role(before, after)
    requests = max(1, result.requests)
    return LoadMeasure(result, {role: seconds_ / requests * 1e6 for role, seconds_ in spent.items()})


def measure_round(plan: Plan, folder: Path, say: Callable[[str], None]) -> Round:
    """One round; `folder` is for the payloads, `say` hears what comes next."""
    single, many = write_payloads(folder)
    say("starting the service")
    environment = {"DIGITS_MODELS_DIR": str(plan.models_dir.resolve()), "DIGITS_DEFAULT_MODEL": plan.model}
    with server.running(environment) as running:
        say("warming up")
        load.run(running.port, single, 8, 1)
        png, bulk = [], []
        for connections in plan.connections:
            say(f"one PNG per request, {connections} connections")
            png.append(measure_load(running, single, connections, plan.seconds))
        for connections in plan.bulk_connections:
            say(f"{BULK_PICTURES:,} raw pictures per request, {connections} connections")
            bulk.append(measure_load(running, many, connections, plan.seconds))
        memory = largest_by_role(running)
    say("the bare model")
    rates = bare.measure(bare.latest_version(plan.models_dir, plan.model), 2 * plan.seconds)
    return Round(running.live_seconds, running.ready_seconds, tuple(png), tuple(bulk), rates, memory)


def largest_by_role(running: server.Server) -> dict[str, Memory]:
    """For each role the memory of the process that holds most."""
    largest: dict[str, Memory] = {}
    for process in running.processes():
        known = largest.get(process.role)
        if known is None or process.memory.rss_bytes > known.rss_bytes:
            largest[process.role] = process.memory
    return largest
