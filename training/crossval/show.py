"""A cross-validation as text, Markdown or JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from training.trials.pace import duration
from training.trials.tables import markdown_table, text_table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from training.crossval.summary import CrossValidation, Estimate

    Table = Callable[[Sequence[str], Sequence[Sequence[str]]], str]

FORMATS = ("text", "json", "markdown")


def show(found: CrossValidation, form: str) -> str:
    """The whole of it in one of `FORMATS`."""
    match form:
        case "json":
            return json.dumps(found.document(), indent=2)
        case "markdown":
            return f"```sh\n{found.command}\n```\n\n" + _tables(found, markdown_table)
        case _:
            return _tables(found, text_table)


def _tables(found: CrossValidation, table: Table) -> str:
    per_fold = [
        [
            str(number),
            f"{fold.loss:.4f}",
            f"{fold.accuracy:.2%}",
            f"{fold.correct:,} of {fold.total:,}",
            duration(fold.seconds),
        ]
        for number, fold in enumerate(found.folds, start=1)
    ]
    overall = [
        ["loss", *_cells(found.loss, "{:.4f}")],
        ["accuracy", *_cells(found.accuracy, "{:.2%}")],
        *([f"recall of {name}", *_cells(recall, "{:.2%}")] for name, recall in found.recalls.items()),
    ]
    title = (
        f"{found.model}: {len(found.folds)} folds of {found.pictures:,} pictures, "
        f"{found.parameters:,} parameters, {found.macs:,} MACs"
    )
    folds_table = table(("fold", "loss", "accuracy", "right of", "time"), per_fold)
    return "\n\n".join([title, folds_table, table(("", "mean", "deviation", "95 % interval"), overall)])


def _cells(found: Estimate, form: str) -> list[str]:
    return [
        form.format(found.mean),
        form.format(found.deviation),
        f"{form.format(found.low)} – {form.format(found.high)}",
    ]
