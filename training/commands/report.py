"""`report`: one HTML page about a published version."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from training.commands.arguments import add_models_dir
from training.commands.dataset_arguments import add_data_options, load_data
from training.errors import DataUnavailableError
from training.settings import prepare_libraries, read_settings

if TYPE_CHECKING:
    import argparse

    from training.commands.arguments import Commands
    from training.data import Dataset


def add_parser(commands: Commands) -> None:
    """Declare the command and its arguments."""
    parser = commands.add_parser(
        "report",
        help="write one self-contained HTML page about a published version",
        description="Write one HTML page that needs nothing beside it: figures, curves, confusion, calibration, kernels, "
        "and, where the data are at hand, the worst mistakes and examples.",
    )
    parser.add_argument("reference", metavar="NAME[/VERSION|LABEL]", help="which version (default: the model's latest)")
    parser.add_argument("--out", type=Path, default=Path("report.html"), metavar="FILE", help="default: report.html")
    parser.add_argument("--dataset", help="whose test part to show, by name or path (default: what it learned from)")
    add_data_options(parser)
    parser.add_argument("--without-pictures", action="store_true", help="do not look for the data set at all")
    add_models_dir(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the page and say where it is. Raises `TrainingError`."""
    from rich.console import Console

    from training.evaluate.references import find_version

    directory = find_version(options.models_dir or read_settings().models_dir, options.reference)
    prepare_libraries()
    dataset = None if options.without_pictures else _dataset(directory, options)
    from training.report import write_report

    write_report(directory, dataset, options.out, console=Console(stderr=True))
    print(f"{options.out}: {options.out.stat().st_size / 1e3:,.0f} kB")
    return 0


def _dataset(directory: Path, options: argparse.Namespace) -> Dataset | None:
    """What the model learned from; None, and a word about it, when it is nowhere and nothing else was asked for."""
    import sys

    from training.evaluate.parts import learned_from
    from training.publish import read_card

    if options.dataset is not None:
        return load_data(options, options.dataset)
    try:
        return load_data(options, learned_from(read_card(directory)))
    except DataUnavailableError as error:
        if options.data_dir is not None:
            raise
        print(f"{error}\nThe page is written without pictures.", file=sys.stderr)
        return None
