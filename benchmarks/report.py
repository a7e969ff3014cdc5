"""From rounds to tables: medians with their spread, and what they are compared with."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from benchmarks.rounds import BULK_PICTURES, LoadMeasure, Plan, Round

MIB = 2**20


@dataclass(frozen=True)
class Report:
    """One run of the benchmark: on what, how, and each round's figures; `machine` is text by name."""

    machine: Mapping[str, str]
    plan: Plan
    rounds: tuple[Round, ...]


@dataclass(frozen=True)
class Table:
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def spread(values: Iterable[float], decimals: int = 0) -> str:
    """The median of one value per round, and how far the farthest round lies from it: `1,234 ±5%`."""
    numbers = list(values)
    median = statistics.median(numbers)
    farthest = max(abs(number - median) for number in numbers)
    percent = round(100 * farthest / abs(median)) if median else 0
    return f"{median:,.{decimals}f}" + (f" ±{percent}%" if percent else "")


def tables(report: Report) -> list[Table]:
    """What a reader wants to know of `report`, in that order."""
    return [_png(report), _bulk(report), _cpu(report), _memory(report), _start(report)]


def summary_lines(report: Report) -> list[str]:
    """How it was measured, and on what."""
    plan = report.plan
    how = f"{len(report.rounds)} rounds of {plan.seconds:g} s a load, medians ± the farthest round; model {plan.model}"
    return [how, *(f"{name}: {value}" for name, value in report.machine.items())]


def _png_runs(report: Report) -> list[tuple[int, list[LoadMeasure]]]:
    return [(count, [one.png[index] for one in report.rounds]) for index, count in enumerate(report.plan.connections)]


def _bulk_runs(report: Report) -> list[tuple[int, list[LoadMeasure]]]:
    counts = report.plan.bulk_connections
    return [(count, [one.bulk[index] for one in report.rounds]) for index, count in enumerate(counts)]


def _connections(count: int) -> str:
    return f"{count} connection{'s' if count > 1 else ''}"


def _latency_and_errors(runs: list[LoadMeasure], decimals: int) -> tuple[str, str, str]:
    return (
        spread((run.result.p50_ms for run in runs), decimals),
        spread((run.result.p99_ms for run in runs), decimals),
        f"{sum(run.result.errors for run in runs):,}",
    )


def _png(report: Report) -> Table:
    rows = [
        (str(count), spread(run.result.requests_per_second for run in runs), *_latency_and_errors(runs, 2))
        for count, runs in _png_runs(report)
    ]
    return Table("One 28×28 PNG per request", ("connections", "requests/s", "p50 ms", "p99 ms", "errors"), tuple(rows))


def _bulk(report: Report) -> Table:
    bare = [one.bare for one in report.rounds]
    same = [rates[BULK_PICTURES] for rates in bare]
    best = [max(rates.values()) for rates in bare]

    def row(name: str, rates: list[float], rest: tuple[str, str, str]) -> tuple[str, ...]:
        """Ratios are taken within a round, where both met the same machine."""
        of_same = spread((rate / other for rate, other in zip(rates, same, strict=True)), 2)
        of_best = spread((rate / other for rate, other in zip(rates, best, strict=True)), 2)
        return name, spread(rates), of_same, of_best, *rest

    rows = [
        row(
            f"service, {_connections(count)}",
            [run.result.requests_per_second * BULK_PICTURES for run in runs],
            _latency_and_errors(runs, 1),
        )
        for count, runs in _bulk_runs(report)
    ]
    rows += [
        row(
            f"bare, batches of {size:,}",
            [rates[size] for rates in bare],
            (spread((size / rates[size] * 1e3 for rates in bare), 1), "", ""),
        )
        for size in bare[0]
    ]
    columns = ("", "pictures/s", f"of bare {BULK_PICTURES:,}", "of bare best", "p50 ms", "p99 ms", "errors")
    return Table(f"{BULK_PICTURES:,} raw pictures per request", columns, tuple(rows))


def _cpu(report: Report) -> Table:
    named = [(f"PNG, {_connections(count)}", runs) for count, runs in _png_runs(report)]
    named += [(f"bulk, {_connections(count)}", runs) for count, runs in _bulk_runs(report)]
    roles = list(dict.fromkeys(role for _, runs in named for run in runs for role in run.cpu_us_per_request))
    rows = [
        (name, *(spread(run.cpu_us_per_request.get(role, 0.0) for run in runs) for role in roles))
        for name, runs in named
    ]
    return Table("CPU time per request, µs", ("", *roles), tuple(rows))


def _memory(report: Report) -> Table:
    rows = []
    for role in report.rounds[0].memory:
        memories = [one.memory[role] for one in report.rounds if role in one.memory]
        rows.append(
            (
                role,
                spread(memory.rss_bytes / MIB for memory in memories),
                spread(memory.pss_bytes / MIB for memory in memories),
                spread(memory.uss_bytes / MIB for memory in memories),
            )
        )
    return Table("Memory of a process after the loads, MiB", ("process", "RSS", "PSS", "USS"), tuple(rows))


def _start(report: Report) -> Table:
    rows = (
        ("/healthz answers 200", spread((one.live_seconds for one in report.rounds), 2)),
        ("/readyz answers 200", spread((one.ready_seconds for one in report.rounds), 2)),
    )
    return Table("From the start, seconds until", ("", "seconds"), rows)
