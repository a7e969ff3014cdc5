"""`compare`: models side by side."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.commands.arguments import add_models_dir
from training.commands.dataset_arguments import add_data_options, load_data
from training.errors import ConfigurationError
from training.settings import prepare_libraries, read_settings

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from rich.console import Console

    from training.commands.arguments import Commands
    from training.compare.rows import Row

FORMATS = ("text", "markdown", "json")
_WIDE_COLUMNS = 240


def add_parser(commands: Commands) -> None:
    """Declare the command and its arguments."""
    parser = commands.add_parser(
        "compare",
        help="put published versions, or records of them, side by side",
        description="Put versions side by side: hyper-parameters, costs, accuracy with its interval, and whether the "
        "difference to the best may be luck. The figures are those on the cards, unless a data set is given.",
    )
    parser.add_argument(
        "references", nargs="*", metavar="NAME[/VERSION|LABEL]", help="which ones (default: the latest of every model)"
    )
    parser.add_argument("--records", type=Path, metavar="DIR", help="compare the records in DIR instead")
    parser.add_argument("--dataset", help="score all of them anew on the test part of this data set, by name or path")
    add_data_options(parser)
    parser.add_argument("--latency", action="store_true", help="measure how long one picture and each of 128 takes")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw accuracy over MACs and parameters")
    parser.add_argument("--format", choices=FORMATS, default="text", help="how to print it (default: text)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write it there instead of printing it")
    parser.add_argument(
        "--page", type=Path, metavar="FILE", help="with --records: write the page of results, nothing else"
    )
    add_models_dir(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Compare and print. Raises `TrainingError`."""
    _check(options)
    if options.picture is not None:
        from training.plots.style import require_picture

        require_picture(options.picture)
    if options.page is not None:
        return _write_page(options)
    rows = _from_records(options.records) if options.records is not None else _from_versions(options)
    _print(rows, options)
    if options.picture is not None:
        from training.compare.rows import by_dataset
        from training.plots.style import save
        from training.plots.tradeoff import tradeoff_figure

        grouped = by_dataset(rows)
        if len(grouped) > 1:
            raise ConfigurationError(f"--picture shows one data set, and these are {', '.join(grouped)}.")
        ((dataset, ranked),) = grouped.items()
        save(tradeoff_figure(ranked, dataset), options.picture)
    return 0


def _check(options: argparse.Namespace) -> None:
    if options.records is not None and (options.references or options.latency or options.dataset or options.data_dir):
        raise ConfigurationError(
            "--records compares what was recorded: no versions, --dataset, --data-dir or --latency."
        )
    if options.page is not None and options.records is None:
        raise ConfigurationError("--page is made of --records.")
    if options.data_dir is not None and options.dataset is None:
        raise ConfigurationError("--data-dir needs a --dataset: what to score the models on.")


def _from_records(directory: Path) -> list[Row]:
    from training.compare.records import read_records
    from training.compare.rows import row_of

    return [row_of(record) for record in read_records(directory)]


def _from_versions(options: argparse.Namespace) -> list[Row]:
    from rich.console import Console

    from training.compare.records import record_of
    from training.compare.rows import row_of
    from training.evaluate.references import find_version, latest_versions
    from training.publish import read_card

    models_dir = options.models_dir or read_settings().models_dir
    found = [find_version(models_dir, reference) for reference in options.references] or latest_versions(models_dir)
    directories = list(dict.fromkeys(found))
    console = Console(stderr=True)
    if options.dataset is not None:
        rows = _scored_anew(directories, options, console)
    else:
        rows = [row_of(record_of(read_card(directory))) for directory in directories]
    if options.latency:
        from rich.progress import track

        from training.compare.stopwatch import measure

        timed = track(directories, "timing", console=console, transient=True)
        rows = [replace(row, latency=measure(directory)) for row, directory in zip(rows, timed, strict=True)]
    return rows


def _scored_anew(directories: Sequence[Path], options: argparse.Namespace, console: Console) -> list[Row]:
    prepare_libraries()
    from training.compare.records import record_of
    from training.compare.rows import row_of
    from training.evaluate.evaluation import evaluate
    from training.evaluate.served import load_served

    dataset = load_data(options, options.dataset)
    asked = {"name": dataset.spec.name, "sha256": dict(dataset.spec.sha256)}
    rows = []
    for directory in directories:
        model = load_served(directory)
        metrics = evaluate(model, dataset, "test", console).metrics
        rows.append(row_of({**record_of(model.card), "dataset": asked}, metrics))
    return rows


def _write_page(options: argparse.Namespace) -> int:
    from training.compare.page import write_page
    from training.compare.records import read_records

    for path in write_page(read_records(options.records), options.page):
        print(path)
    return 0


def _print(rows: Sequence[Row], options: argparse.Namespace) -> None:
    from rich.console import Console

    from training.compare.table import as_markdown, as_text, document

    made: dict[str, Any] = {
        "markdown": lambda: as_markdown(rows),
        "json": lambda: json.dumps(document(rows), indent=1, ensure_ascii=False) + "\n",
    }
    if options.format == "text" and options.out is None:
        Console().print(as_text(rows))
        return
    if options.format == "text":
        console = Console(width=_WIDE_COLUMNS, no_color=True, force_terminal=False)
        with console.capture() as captured:
            console.print(as_text(rows))
        text = captured.get()
    else:
        text = made[options.format]()
    if options.out is None:
        print(text, end="")
        return
    try:
        options.out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{options.out} cannot be written: {error.strerror}") from error
