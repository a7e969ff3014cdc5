"""An evaluation as a page for the terminal, and as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from training.evaluate.evaluation import Evaluation

_WORST = 10
_PER_CLASS = ("class", "precision", "recall", "F1", "pictures")
_BINS = ("confidence", "pictures", "mean confidence", "accuracy")
_MISTAKES = ("picture", "true", "predicted", "confidence", "p(true)", "loss")


def as_text(evaluation: Evaluation) -> RenderableType:
    """For a rich console."""
    return Group(
        Text(_title(evaluation), style="bold"),
        *(Text(f"{name:<13}{value}") for name, value in _figures(evaluation)),
        _table("Classes", _PER_CLASS, _per_class(evaluation), closing_rows=1),
        _table("Confusion (row: true, column: predicted)", *_confusion(evaluation)),
        _table("Calibration", _BINS, _bins(evaluation)),
        _table("Worst mistakes", _MISTAKES, _mistakes(evaluation)),
    )


def as_markdown(evaluation: Evaluation) -> str:
    """Sections and tables, to be read in any viewer of Markdown."""
    sections = [
        f"# {_title(evaluation)}",
        "\n".join(f"- {name}: {value}" for name, value in _figures(evaluation)),
        "## Classes\n\n" + markdown_table(_PER_CLASS, _per_class(evaluation)),
        "## Confusion\n\nRow: true class; column: predicted.\n\n" + markdown_table(*_confusion(evaluation)),
        "## Calibration\n\n" + markdown_table(_BINS, _bins(evaluation)),
        "## Worst mistakes\n\n" + markdown_table(_MISTAKES, _mistakes(evaluation)),
    ]
    return "\n\n".join(sections) + "\n"


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]], right_from: int = 1) -> str:
    """A table whose columns from `right_from` on are aligned to the right. Nothing in it may hold a `|`."""
    rule = ["---" if index < right_from else "---:" for index in range(len(head))]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, rule, *rows))


def _title(evaluation: Evaluation) -> str:
    return f"{evaluation.model} on the {evaluation.part} part of {evaluation.dataset}"


def _figures(evaluation: Evaluation) -> list[tuple[str, str]]:
    metrics, interval, macro = evaluation.metrics, evaluation.accuracy_interval, evaluation.macro
    right = f"{metrics['correct']:,} of {metrics['total']:,}"
    return [
        ("accuracy", f"{metrics['accuracy']:.2%} ({right}; 95 % interval {interval.low:.2%} to {interval.high:.2%})"),
        ("macro", f"precision {macro['precision']:.2%}, recall {macro['recall']:.2%}, F1 {macro['f1']:.2%}"),
        ("loss", f"{metrics['loss']:.4f} nats"),
        ("ECE", f"{metrics['ece']:.2%}"),
        ("Brier score", f"{metrics['brier']:.4f}"),
    ]


def _per_class(evaluation: Evaluation) -> list[tuple[str, ...]]:
    rows = [
        (row["label"], f"{row['precision']:.2%}", f"{row['recall']:.2%}", f"{row['f1']:.2%}", f"{row['support']:,}")
        for row in evaluation.metrics["per_class"]
    ]
    means = tuple(f"{evaluation.macro[key]:.2%}" for key in ("precision", "recall", "f1"))
    return [*rows, ("mean", *means, f"{evaluation.metrics['total']:,}")]


def _confusion(evaluation: Evaluation) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    matrix = evaluation.metrics["confusion_matrix"]
    rows = [
        (label, *(f"{count:,}" if count else "·" for count in row))
        for label, row in zip(evaluation.labels, matrix, strict=True)
    ]
    return ("", *evaluation.labels), rows


def _bins(evaluation: Evaluation) -> list[tuple[str, ...]]:
    return [
        (
            f"{bin_['above']:.2f} to {bin_['to']:.2f}",
            f"{bin_['count']:,}",
            f"{bin_['confidence']:.2%}",
            f"{bin_['accuracy']:.2%}",
        )
        for bin_ in evaluation.metrics["reliability"]
    ]


def _mistakes(evaluation: Evaluation) -> list[tuple[str, ...]]:
    return [
        (
            f"{mistake.index:,}",
            mistake.true,
            mistake.predicted,
            f"{mistake.confidence:.1%}",
            f"{mistake.of_truth:.2%}",
            f"{mistake.loss:.2f}",
        )
        for mistake in evaluation.worst(_WORST)
    ]


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]], closing_rows: int = 0) -> Table:
    table = Table(
        title=f"\n{title}",
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
    )
    for index, name in enumerate(head):
        table.add_column(name, justify="right" if index else "left", no_wrap=True)
    for number, row in enumerate(rows):
        # Text, since a class of a user's own data may be named as rich's markup.
        table.add_row(*map(Text, row), end_section=number == len(rows) - 1 - closing_rows)
    return table
