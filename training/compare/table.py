"""Rows as tables: for the terminal, and in Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from training.compare.rows import by_dataset, differing
from training.evaluate.show import markdown_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import RenderableType

    from training.compare.rows import Row

_HEAD = (
    "model", "test accuracy", "95 % interval", "validation", "loss", "ECE", "parameters", "MACs", "size", "epochs",
    "s / epoch", "seed", "beside the best",
)  # fmt: skip
_SIDE_BY_SIDE = 5
_TIMED = ("one picture", "each of 128")


def as_text(rows: Sequence[Row]) -> RenderableType:
    """For a rich console: a table for each data set, and below it the hyper-parameters that differ."""
    parts: list[RenderableType] = []
    for dataset, ranked in by_dataset(rows).items():
        names, table = head(ranked), [cells(row, ranked) for row in ranked]
        if len(ranked) <= _SIDE_BY_SIDE:  # columns, then, are narrower than figures
            turned = list(zip(names, *table, strict=True))
            parts.append(_rich_table(dataset, ("", *turned[0][1:]), turned[1:]))
        else:
            parts.append(_rich_table(dataset, names, table))
        if different := hyperparameter_cells(ranked):
            parts.append(_rich_table("Hyper-parameters that differ", ("", *(row.title for row in ranked)), different))
    return Group(*parts)


def as_markdown(rows: Sequence[Row]) -> str:
    """A section for each data set: the table, the hyper-parameters that differ, and the commands."""
    sections = []
    for dataset, ranked in by_dataset(rows).items():
        sections += [f"## {dataset}", main_table(ranked)]
        if different := hyperparameter_cells(ranked):
            names = ("hyper-parameter", *(f"`{row.title}`" for row in ranked))
            sections.append("Hyper-parameters that differ:\n\n" + markdown_table(names, different))
        sections.append(commands(ranked))
    return "\n\n".join(sections) + "\n"


def main_table(ranked: Sequence[Row]) -> str:
    """The Markdown table of one data set's rows."""
    quoted = [(f"`{first}`", *rest) for first, *rest in (cells(row, ranked) for row in ranked)]
    return markdown_table(head(ranked), quoted)


def commands(ranked: Sequence[Row]) -> str:
    """The commands that repeat these rows, as a block of Markdown."""
    lines = [f"# {row.title}\n{row.command}" for row in ranked]
    return "\n".join(["```sh", *lines, "```"])


def head(rows: Sequence[Row]) -> tuple[str, ...]:
    """The names of the columns; those of latency only where it was measured."""
    return (*_HEAD, *_TIMED) if _timed(rows) else _HEAD


def cells(row: Row, rows: Sequence[Row]) -> tuple[str, ...]:
    """The row as text, in the order of `head(rows)`."""
    seconds = "–" if row.seconds_per_epoch is None else f"{row.seconds_per_epoch:.1f}"
    return (
        row.title,
        f"{row.accuracy:.2%}",
        f"{row.interval.low:.2%} – {row.interval.high:.2%}",
        f"{row.validation_accuracy:.2%}",
        f"{row.loss:.4f}",
        f"{row.ece:.2%}",
        f"{row.parameters:,}",
        f"{row.macs:,}",
        f"{row.size_bytes / 1e6:.1f} MB",
        str(row.epochs),
        seconds,
        str(row.seed),
        beside_the_best(row),
        *(_latency(row) if _timed(rows) else ()),
    )


def beside_the_best(row: Row) -> str:
    """Whether it can be told from the best, in words: the difference in percentage points, and how sure that is."""
    found = row.against_best
    if found is None:
        return "best"
    points = f"{100 * found.difference:+.2f}".replace("-", "−")
    if found.p_value is None:
        low, high = (f"{100 * end:+.2f}".replace("-", "−") for end in (found.interval.low, found.interval.high))
        return f"{points} ({low} to {high}){'' if found.significant else ', may be luck'}"
    p_value = "p < 0.001" if found.p_value < 0.001 else f"p = {found.p_value:.3f}"
    return f"{points} ({p_value}){'' if found.significant else ', may be luck'}"


def hyperparameter_cells(ranked: Sequence[Row]) -> list[tuple[str, ...]]:
    """A line for each hyper-parameter that differs, a column for each row."""
    return [(key, *map(_value, values)) for key, values in differing(ranked).items()]


def document(rows: Sequence[Row]) -> dict[str, Any]:
    """All of it as JSON has it."""
    grouped: Mapping[str, list[Row]] = by_dataset(rows)
    return {
        dataset: {
            "rows": [row.document() for row in ranked],
            "differing_hyperparameters": {
                key: {row.title: value for row, value in zip(ranked, values, strict=True)}
                for key, values in differing(ranked).items()
            },
        }
        for dataset, ranked in grouped.items()
    }


def _timed(rows: Sequence[Row]) -> bool:
    return any(row.latency is not None for row in rows)


def _latency(row: Row) -> tuple[str, str]:
    if row.latency is None:
        return "–", "–"
    return f"{1e6 * row.latency.one_seconds:,.0f} µs", f"{1e6 * row.latency.batch_seconds_per_picture:,.1f} µs"


def _value(value: Any) -> str:
    return "–" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _rich_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(
        title=f"\n{title}",
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
    )
    for index, name in enumerate(columns):
        table.add_column(Text(name), justify="right" if index else "left", no_wrap=index == 0)
    for row in rows:
        table.add_row(*map(Text, row))
    return table
