"""`experiments`: train every preset that has no record yet, and write the page of results."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from training.commands.arguments import add_models_dir
from training.compare.experiments import PLAN, Place, chosen, run_all, training_command
from training.errors import ConfigurationError
from training.settings import read_settings

if TYPE_CHECKING:
    from training.commands.arguments import Commands

RECORDS = Path("docs/results")
PAGE = Path("docs/results.md")
RUNS = Path("runs/results")


def add_parser(commands: Commands) -> None:
    """Declare the command and its arguments."""
    parser = commands.add_parser(
        "experiments",
        help="train every preset that has no record yet, and write docs/results.md",
        description="Train every preset that has no record yet, one after another, record each, and write the page of "
        "results anew. Takes hours; stopped by Ctrl-C, it goes on where it was when called again.",
    )
    parser.add_argument("--model", nargs="+", default=[], metavar="MODEL", help="these alone")
    parser.add_argument("--dataset", nargs="+", default=[], metavar="DATASET", help="on these alone")
    parser.add_argument("--list", action="store_true", help="print the command of each and do nothing")
    parser.add_argument("--epochs", type=int, help="instead of each recipe's own, to try it out")
    parser.add_argument("--records", type=Path, default=RECORDS, metavar="DIR", help=f"default: {RECORDS}")
    parser.add_argument("--page", type=Path, default=PAGE, metavar="FILE", help=f"default: {PAGE}")
    parser.add_argument("--runs-dir", type=Path, default=RUNS, help=f"where the trained models go (default: {RUNS})")
    parser.add_argument(
        "--data-dir", type=_data_dir, action="append", default=[], metavar="DATASET=DIR", help="where a data set is"
    )
    add_models_dir(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Train, record and write. 1 when a run failed. Raises `TrainingError`."""
    models_dir = options.models_dir or read_settings().models_dir
    place = Place(options.records, models_dir, options.runs_dir, dict(options.data_dir), options.epochs)
    plan = chosen(PLAN, options.model, options.dataset)
    if not plan:
        known = ", ".join(dict.fromkeys(experiment.title for experiment in PLAN))
        raise ConfigurationError(f"There is no such experiment; there is: {known}.")
    if options.list:
        for experiment in plan:
            print("python", *training_command(experiment, place)[1:])
        return 0

    from rich.console import Console

    from training.compare.page import write_page
    from training.compare.records import read_records

    console = Console()
    try:
        failed = run_all(plan, place, console)
    finally:
        # Also after Ctrl-C: the page shows what there is.
        if any(options.records.glob("*.json")):
            for path in write_page(read_records(options.records), options.page):
                console.print(f"{path} written", highlight=False)
    return 1 if failed else 0


def _data_dir(text: str) -> tuple[str, Path]:
    dataset, equals, directory = text.partition("=")
    if not (dataset and equals and directory):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form DATASET=DIR")
    return dataset, Path(directory).expanduser()
