"""The result of a run, as Markdown and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Verdict:
    """One thing checked. `passed` is None where this device has nothing to check."""

    name: str
    found: str
    passed: bool | None


@dataclass(frozen=True)
class Rates:
    """Pictures per second by batch size, for each way of running them; and seconds of the first batch of a size."""

    pictures_per_second: Mapping[str, Mapping[int, float]]
    first_seconds: Mapping[str, Mapping[int, float]]


@dataclass(frozen=True)
class Report:
    """`about`: the machine, text by name. `service`: pictures per second through the whole service, by how it ran."""

    about: Mapping[str, str]
    verdicts: Sequence[Verdict]
    rates: Mapping[str, Rates]
    """By model."""
    service: Mapping[str, float]

    @property
    def passed(self) -> bool:
        """Whether nothing that could be checked failed."""
        return all(verdict.passed is not False for verdict in self.verdicts)


def as_json(report: Report) -> str:
    """Every figure."""
    document: dict[str, Any] = {"passed": report.passed, **asdict(report)}
    return json.dumps(document, indent=2) + "\n"


def as_markdown(report: Report) -> str:
    """What a reader wants to know."""
    parts = ["# GPU check", "\n".join(f"- {name}: {value}" for name, value in report.about.items())]
    marks = {True: "yes", False: "**no**", None: "–"}
    rows = [(verdict.name, verdict.found, marks[verdict.passed]) for verdict in report.verdicts]
    parts.append(_table(("check", "found", "as it should be"), rows))
    for model, rates in report.rates.items():
        parts.append(f"## {model}: pictures per second by batch size")
        parts.append(_rates_table(rates))
    parts.append("## Through the service: pictures per second, 1,024 raw pictures a request")
    parts.append(_table(("", "pictures/s"), [(how, f"{rate:,.0f}") for how, rate in report.service.items()]))
    return "\n\n".join(parts) + "\n"


def _rates_table(rates: Rates) -> str:
    ways = list(rates.pictures_per_second)
    sizes = list(rates.pictures_per_second[ways[0]])
    columns = ("batch", *ways, *(f"first batch, {way}" for way in rates.first_seconds))
    rows = [
        (
            f"{size:,}",
            *(f"{rates.pictures_per_second[way][size]:,.0f}" for way in ways),
            *(f"{seconds[size]:.2f} s" for seconds in rates.first_seconds.values()),
        )
        for size in sizes
    ]
    return _table(columns, rows)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, [":--", *("--:" for _ in columns[1:])], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
