"""A report as JSON (every figure), as Markdown and for a terminal (the tables)."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from benchmarks.report import Report, Table, summary_lines, tables


def as_json(report: Report) -> str:
    """Everything that was measured, nothing averaged. Paths become text."""
    return json.dumps(dataclasses.asdict(report), indent=2, default=str) + "\n"


def as_markdown(report: Report) -> str:
    """The tables as a page of Markdown."""
    parts = ["# Benchmark", "\n".join(f"- {line}" for line in summary_lines(report))]
    parts += [table_as_markdown(table) for table in tables(report)]
    return "\n\n".join(parts) + "\n"


def for_terminal(report: Report) -> RenderableType:
    """The tables for rich's console."""
    parts: list[RenderableType] = [Text(line) for line in summary_lines(report)]
    for table in tables(report):
        # As text of its own: a table's title is wrapped to the table's width.
        parts += [Text(f"\n{table.title}", style="bold"), table_for_terminal(table)]
    return Group(*parts)


def table_as_markdown(table: Table) -> str:
    """With its title as a heading; the first column to the left, the others to the right."""
    aligned = [":--", *("--:" for _ in table.columns[1:])]
    lines = [_markdown_row(row) for row in (table.columns, aligned, *table.rows)]
    return "\n".join([f"## {table.title}", "", *lines])


def table_for_terminal(table: Table) -> RichTable:
    """Without its title."""
    shown = RichTable(box=box.SIMPLE_HEAD)
    for index, column in enumerate(table.columns):
        shown.add_column(column, justify="left" if index == 0 else "right")
    for row in table.rows:
        shown.add_row(*row)
    return shown


def _markdown_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
