"""`docs/results.md`, made of the records beside it and of nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from training.compare.rows import by_dataset, row_of
from training.compare.table import commands, main_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_OPENING = """\
# Results

Every preset on MNIST, and the two models that are served on Fashion-MNIST too. This page is made by
`python -m training compare --records docs/results --page docs/results.md`; `python -m training experiments` trains what
has no record yet and makes it anew.

Each row was scored once, on all test pictures, by the SavedModel that was published; what was chosen was chosen on
validation pictures. The interval is Wilson's. *Beside the best* is the difference to the best row of the same data set
in percentage points, with the p-value of McNemar's exact test on the same pictures, or, for a row of which it is not
known which pictures it reads wrongly, with Newcombe's interval of the difference. Where that cannot tell the two apart
it says so. ECE is the expected calibration error over 15 bins. A MAC is one multiplication with its addition; the count
is for one picture. The seconds are those of the machine at hand on that day: read ratios.
"""


def results_page(records: Iterable[Mapping[str, Any]]) -> str:
    """The whole page, in Markdown, with a section and a picture for each data set."""
    sections = [_OPENING.rstrip()]
    for dataset, ranked in by_dataset([row_of(record) for record in records]).items():
        sections += [
            f"## {dataset}",
            f"![Test accuracy of each model over MACs and over parameters]({picture_path(dataset)})",
            main_table(ranked),
            "The command of each row:",
            commands(ranked),
        ]
    return "\n\n".join(sections) + "\n"


def picture_path(dataset: str) -> str:
    """Where the picture of that data set lies, as seen from the page."""
    return f"results/{dataset}.png"


def write_page(records: Iterable[Mapping[str, Any]], page: Path) -> list[Path]:
    """Write the page and the pictures that it shows; return what was written.

    Raises `ConfigurationError` when a picture cannot be written, `OSError` when the page cannot.
    """
    from training.plots.style import save
    from training.plots.tradeoff import tradeoff_figure

    records = list(records)
    (page.parent / "results").mkdir(parents=True, exist_ok=True)
    page.write_text(results_page(records), encoding="utf-8")
    written = [page]
    for dataset, ranked in by_dataset([row_of(record) for record in records]).items():
        path = page.parent / picture_path(dataset)
        save(tradeoff_figure(ranked, dataset), path)
        written.append(path)
    return written
