"""A sweep as a table: text, Markdown, JSON or CSV, in the order that was asked for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from training.errors import ConfigurationError
from training.sweep.grid import label
from training.sweep.plan import Fit, title_of
from training.trials.pace import duration
from training.trials.tables import csv_table, markdown_table, text_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training.sweep.grid import Axis, Value
    from training.sweep.plan import Combination
    from training.trials import TrialResult

FORMATS = ("text", "markdown", "json", "csv")
SORTS = ("accuracy", "loss", "parameters", "macs", "seconds")


@dataclass(frozen=True)
class Row:
    """A combination and what came of it: a result, the reason why there is none, or neither where it is only planned."""

    values: dict[str, Value]
    parameters: int | None = None
    macs: int | None = None
    result: TrialResult | None = None
    reason: str | None = None

    def document(self) -> dict[str, Any]:
        """The row as JSON has it."""
        found: dict[str, Any] = {**self.values, "parameters": self.parameters, "macs": self.macs}
        if self.reason is not None:
            return found | {"no_result": self.reason}
        if self.result is None:
            return found
        return found | {
            "validation_loss": self.result.loss,
            "validation_accuracy": self.result.accuracy,
            "correct": self.result.correct,
            "total": self.result.total,
            "seconds": self.result.seconds,
        }


@dataclass(frozen=True)
class Sweep:
    """Everything that was planned and, unless it was a plan only, what came of it."""

    command: str
    axes: tuple[Axis, ...]
    rows: tuple[Row, ...]

    @property
    def fitting(self) -> list[Row]:
        return [row for row in self.rows if row.reason is None]

    @property
    def without(self) -> list[Row]:
        return [row for row in self.rows if row.reason is not None]

    @property
    def scored(self) -> list[tuple[Row, TrialResult]]:
        return [(row, row.result) for row in self.rows if row.result is not None]


def planned(command: str, axes: tuple[Axis, ...], plan: Sequence[Combination]) -> Sweep:
    """The sweep before anything was trained."""
    return Sweep(command, axes, tuple(_row(combination) for combination in plan))


def in_order(sweep: Sweep, sort: str) -> Sweep:
    """The best accuracy first, or the smallest of anything else in `SORTS`; a varied key sorts by its values as given.

    What has no result comes last. Raises `ConfigurationError` for any other `sort`.
    """
    require_sort(sort, sweep.axes)
    return Sweep(sweep.command, sweep.axes, tuple(sorted(sweep.rows, key=lambda row: _rank(row, sort, sweep.axes))))


def require_sort(sort: str, axes: Sequence[Axis]) -> None:
    """Raise `ConfigurationError` unless a table can be sorted by that."""
    known = (*SORTS, *(axis.key for axis in axes))
    if sort not in known:
        raise ConfigurationError(f"--sort must be one of {', '.join(known)}, not {sort!r}.")


def show(sweep: Sweep, form: str) -> str:
    """The table in one of `FORMATS`. What does not fit follows with its reasons."""
    match form:
        case "json":
            axes = {axis.key: list(axis.values) for axis in sweep.axes}
            rows = [row.document() for row in sweep.rows]
            return json.dumps({"command": sweep.command, "vary": axes, "combinations": rows}, indent=2)
        case "csv":
            return _csv(sweep)
        case "markdown":
            return f"```sh\n{sweep.command}\n```\n\n" + _tables(sweep, markdown_table)
        case _:
            return _tables(sweep, text_table)


def _row(combination: Combination) -> Row:
    outcome = combination.outcome
    if isinstance(outcome, Fit):
        return Row(combination.values, outcome.parameters, outcome.macs)
    return Row(combination.values, reason=outcome.reason)


def _tables(sweep: Sweep, table: Any) -> str:
    keys = [axis.key for axis in sweep.axes]
    parts = []
    if sweep.fitting:
        head = [*keys, "parameters", "MACs"]
        rows = [[*_values(row), f"{row.parameters:,}", f"{row.macs:,}"] for row in sweep.fitting]
        if sweep.scored:
            head += ["loss", "accuracy", "right of", "time"]
            rows = [[*cells, *_scores(row.result)] for cells, row in zip(rows, sweep.fitting, strict=True)]
        parts.append(table(head, rows))
    if sweep.without:
        parts.append(f"Without a result ({len(sweep.without)} of {len(sweep.rows)}):")
        parts.append("\n".join(_reasons(sweep)))
    return "\n\n".join(parts)


def _reasons(sweep: Sweep) -> list[str]:
    """Each reason once, with the combinations that it is about."""
    about: dict[str, list[str]] = {}
    for row in sweep.without:
        about.setdefault(row.reason or "", []).append(title_of(row.values))
    return [f"- {reason} ({'; '.join(titles)})" for reason, titles in about.items()]


def _csv(sweep: Sweep) -> str:
    head = [axis.key for axis in sweep.axes]
    head += ["parameters", "macs", "validation_loss", "validation_accuracy", "correct", "total", "seconds", "no_result"]
    documents = [row.document() for row in sweep.rows]
    return csv_table(head, [[document.get(key) for key in head] for document in documents])


def _values(row: Row) -> list[str]:
    return [label(value) for value in row.values.values()]


def _scores(result: TrialResult | None) -> list[str]:
    if result is None:
        return ["–"] * 4
    return [
        f"{result.loss:.4f}",
        f"{result.accuracy:.2%}",
        f"{result.correct:,} of {result.total:,}",
        duration(result.seconds),
    ]


def _rank(row: Row, sort: str, axes: Sequence[Axis]) -> tuple[bool, float, float]:
    result = row.result
    best = -result.accuracy if result else 0.0
    figure: float
    match sort:
        case "accuracy":
            figure = best
        case "loss":
            figure = result.loss if result else 0.0
        case "seconds":
            figure = result.seconds if result else 0.0
        case "parameters":
            figure = row.parameters or 0
        case "macs":
            figure = row.macs or 0
        case _:
            values = next(axis.values for axis in axes if axis.key == sort)
            figure = values.index(row.values[sort])
    return (row.reason is not None, figure, best)
