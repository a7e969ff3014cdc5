"""The tables of a contest, and everything in it as JSON."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence

from benchmarks.peers.contest import Contest, Plan
from benchmarks.peers.figures import Series, Value, loaded, of, opened, p50, rate, ratio, series, servers, turns_of
from benchmarks.peers.limits import Limits
from benchmarks.peers.payloads import BULK_PICTURES, SEVERAL_PNGS
from benchmarks.peers.registry import PEERS
from benchmarks.peers.targets import targets, verdict
from benchmarks.peers.turn import OURS
from benchmarks.report import MIB, Table
from benchmarks.rounds import LoadMeasure

TITLES = {OURS: "this service", **{peer.name: peer.title for peer in PEERS}}
PNG_LOADS = ("png/1", "png/8", "png/32", "png/128")
OTHER_LOADS = {
    "drawing/8": ("280×280 drawing, 8 connections", 1),
    "several/4": ("64 PNGs, 4 connections", SEVERAL_PNGS),
    "raw/4": ("1,024 raw, 4 connections", BULK_PICTURES),
    "json/4": ("1,024 as JSON arrays, 4 connections", BULK_PICTURES),
}


def as_json(plan: Plan, contest: Contest, machine: Mapping[str, str], versions: Mapping[str, str]) -> str:
    """Everything that was measured, nothing averaged."""
    how = {
        "rounds": plan.rounds,
        "length": dataclasses.asdict(plan.length),
        "loads": [str(load) for load in plan.loads],
        "open": plan.shares,
        "settings": dict(plan.settings),
    }
    document = {"machine": dict(machine), "versions": dict(versions), "plan": how, **dataclasses.asdict(contest)}
    return json.dumps(document, indent=1, default=str) + "\n"


def heading(plan: Plan, contest: Contest, machine: Mapping[str, str], versions: Mapping[str, str]) -> list[str]:
    """How it was measured, on what, against which versions, and who is missing."""
    seconds = f"{plan.length.closed_seconds:g} s a closed load and {plan.length.open_seconds:g} s an open one"
    how = f"{len(contest.rounds)} rounds, {seconds}; medians ± the farthest round, ratios taken within a round"
    lines = [
        how,
        *(f"{name}: {value}" for name, value in machine.items()),
        "peers: " + ", ".join(f"{TITLES[name]} {version}" for name, version in versions.items()),
        "workers × TensorFlow's threads in each, the best of those tried: "
        + (", ".join(f"{TITLES[name]} {layout}" for name, layout in contest.layouts.items()) or "–"),
    ]
    runtime = "LiteRT, converted, the Flask script apart" if plan.litert else "TensorFlow"
    lines.append(
        f"the peers run the model in {runtime}; ours in what `/models` names, which is LiteRT unless it is told otherwise"
    )
    if plan.settings:
        lines.append("settings of ours: " + " ".join(f"{name}={value}" for name, value in plan.settings.items()))
    if contest.cut_short:
        lines.append("**cut short: the time was up before all rounds were done**")
    lines += [f"**{TITLES.get(name, name)} takes no part**: {_short(why, 600)}" for name, why in contest.absent.items()]
    return lines


def tables(contest: Contest) -> list[Table]:
    """All of them; what was not measured shows as a dash."""
    return [
        _targets(contest),
        _png(contest, "requests/s", rate, 0),
        _png(contest, "p50, ms", p50, 2),
        _png(contest, "p99, ms", lambda key: loaded(key, lambda measured: measured.result.p99_ms), 1),
        _ratios(contest),
        _others(contest),
        _open(contest),
        _limits(contest),
        _cpu(contest),
        _memory(contest),
        _times(contest),
        _failures(contest),
    ]


def _targets(contest: Contest) -> Table:
    rows = [(one.load, one.against, one.wanted, one.found, verdict(one)) for one in targets(contest)]
    return Table("Reached?", ("load", "against", "wanted", "found", "reached"), tuple(rows))


def _png(contest: Contest, title: str, value: Callable[[str], Value], decimals: int) -> Table:
    rows = [
        (TITLES[name], *(of(contest, name, value(key)).text(decimals) for key in PNG_LOADS))
        for name in servers(contest)
    ]
    columns = ("connections", *(key.partition("/")[2] for key in PNG_LOADS))
    return Table(f"One 28×28 PNG per request: {title}", columns, tuple(rows))


def _ratios(contest: Contest) -> Table:
    rows = [
        (TITLES[name], *(ratio(contest, rate(key), [name]).text(2) for key in (*PNG_LOADS, *OTHER_LOADS)))
        for name in servers(contest)
        if name != OURS
    ]
    columns = ("ours over", *PNG_LOADS, *OTHER_LOADS)
    return Table("Requests/s of ours over theirs, by load and connections", columns, tuple(rows))


def _others(contest: Contest) -> Table:
    def cell(name: str, key: str, pictures: int) -> str:
        found = of(contest, name, rate(key))
        return Series(tuple(value * pictures for value in found.values)).text()

    rows = [
        (TITLES[name], *(cell(name, key, pictures) for key, (_, pictures) in OTHER_LOADS.items()))
        for name in servers(contest)
    ]
    return Table("Pictures/s", ("", *(title for title, _ in OTHER_LOADS.values())), tuple(rows))


def _open(contest: Contest) -> Table:
    rows = []
    for name in servers(contest):
        for share in sorted({share for turn in turns_of(contest, name) for share in turn.open}):
            runs = [turn.open[share] for turn in turns_of(contest, name) if share in turn.open]
            rows.append(
                (
                    TITLES[name],
                    f"{share:.0%}",
                    series(run.rate for run in runs).text(),
                    of(contest, name, opened(share, lambda run: run.goodput)).text(),
                    of(contest, name, opened(share, lambda run: run.answered.p50_ms)).text(1),
                    of(contest, name, opened(share, lambda run: run.answered.p99_ms)).text(1),
                    f"{sum(run.refused for run in runs):,}",
                    of(contest, name, opened(share, lambda run: run.refusal.p99_ms)).text(1),
                    f"{sum(run.late + run.failed + run.unanswered for run in runs):,}",
                    of(contest, name, opened(share, lambda run: run.send_delay.p99_ms)).text(1),
                )
            )
    columns = ("", "of capacity", "due/s", "answered/s", "p50 ms", "p99 ms", "refused", "refusal p99 ms")
    return Table(
        "Open loop, one 28×28 PNG per request, from the moment it was due",
        (*columns, "late, failed or never", "sent late by, p99 ms"),
        tuple(rows),
    )


def _limits(contest: Contest) -> Table:
    found = known_limits(contest)
    if not found:
        return Table("Limits", ("", "per second"), ())
    rows = [
        (f"bare model, batches of {size:,}", series(one.bare[size] for one in found).text()) for size in found[0].bare
    ]
    rows += [
        (f"the same in LiteRT, batches of {size:,}", series(one.litert[size] for one in found).text())
        for size in found[0].litert
    ]
    rows += [
        (f"decoding alone, {kind}", series(one.decoding[kind] for one in found).text()) for kind in found[0].decoding
    ]
    rows.append(("64 PNGs decoded, then the model", series(one.together for one in found).text()))
    rows += [(f"gunicorn answering nothing, {count} connections", _empty(contest, count)) for count in found[0].empty]
    generator = series(one.generator.cpu_us for one in found).text(0)
    rows.append(("the open loop's own CPU time, µs per request, at 2,000/s to a server that does nothing", generator))
    own = series(one.generator.answered.p50_ms for one in found).text(2)
    rows.append(("its p50 there, ms", own))
    return Table("Limits", ("", "pictures or requests per second"), tuple(rows))


def known_limits(contest: Contest) -> list[Limits]:
    """Of the rounds in which they could be measured."""
    return [one for one in contest.limits if one]


def _empty(contest: Contest, count: int) -> str:
    return series(one.empty[count].requests_per_second for one in known_limits(contest)).text()


def _cpu(contest: Contest) -> Table:
    rows = []
    for name in servers(contest):
        turns = turns_of(contest, name)
        keys = dict.fromkeys(role for turn in turns for load in turn.loads.values() for role in load.cpu_us_per_request)
        for role in keys:
            values = [of(contest, name, loaded(key, _cpu_of(role))) for key in PNG_LOADS]
            if any(round(value.median) > 0 for value in values if value.values):
                rows.append((TITLES[name], role, *(value.text() for value in values)))
        total = [
            of(contest, name, loaded(key, lambda measured: sum(measured.cpu_us_per_request.values()))).text()
            for key in PNG_LOADS
        ]
        rows.append((TITLES[name], "all", *total))
    columns = ("", "process", *(key.partition("/")[2] for key in PNG_LOADS))
    return Table("CPU time per 28×28 PNG, µs, by connections", columns, tuple(rows))


def _cpu_of(role: str) -> Callable[[LoadMeasure], float]:
    return lambda measured: measured.cpu_us_per_request.get(role, 0.0)


def _memory(contest: Contest) -> Table:
    rows = []
    for name in servers(contest):
        turns = [turn for turn in turns_of(contest, name) if turn.memory]
        roles = dict.fromkeys(role for turn in turns for role in turn.memory)
        for role in roles:
            held = series(turn.memory[role].pss_bytes / MIB for turn in turns if role in turn.memory)
            rows.append((TITLES[name], role, held.text()))
        total = series(sum(memory.pss_bytes for memory in turn.memory.values()) / MIB for turn in turns)
        rows.append((TITLES[name], "all", total.text()))
    return Table("Memory after the loads, PSS, MiB", ("", "process", "MiB"), tuple(rows))


def _times(contest: Contest) -> Table:
    rows = [
        (f"{TITLES[name]}, first answer", of(contest, name, lambda turn: turn.first_answer_seconds).text(1))
        for name in servers(contest)
    ]
    rows += [
        ("this service, /readyz", of(contest, OURS, lambda turn: turn.ready_seconds).text(1)),
        ("this service, from a new version's being there to its first answer", _new_version(contest)),
        ("importing TensorFlow", series(one.import_seconds for one in known_limits(contest)).text(1)),
        (
            "importing it with Keras kept out",
            series(one.import_without_keras_seconds for one in known_limits(contest)).text(1),
        ),
    ]
    return Table("From the start, seconds until", ("", "seconds"), tuple(rows))


def _new_version(contest: Contest) -> str:
    return of(contest, OURS, lambda turn: turn.new_version_seconds).text(2)


def _failures(contest: Contest) -> Table:
    rows: list[tuple[str, str, str]] = []
    for name in servers(contest):
        for turn in turns_of(contest, name):
            rows += [(TITLES[name], what, _short(why)) for what, why in turn.failures.items()]
            errors = {key: load.result.errors for key, load in turn.loads.items() if load.result.errors}
            rows += [(TITLES[name], key, f"{count:,} requests failed") for key, count in errors.items()]
    return Table("What failed", ("", "load", "why"), tuple(_counted(rows)))


def _short(why: str, length: int = 300) -> str:
    """In one line that a table can hold: what it says first, and the end, where a traceback names the error."""
    line = " ".join(why.split()).replace("|", "/")
    return line if len(line) <= length else f"{line[: length // 3]} … {line[-length // 2 :]}"


def _counted(rows: Sequence[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """The same row of several rounds once, with how often."""
    times = {row: rows.count(row) for row in rows}
    return [(name, what, why if count == 1 else f"{why} ({count} ×)") for (name, what, why), count in times.items()]
