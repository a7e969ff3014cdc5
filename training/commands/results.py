"""`results`: the table of published versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.commands.arguments import add_models_dir
from training.results import results_table
from training.settings import read_settings

if TYPE_CHECKING:
    import argparse

    from training.commands.arguments import Commands


def add_parser(commands: Commands) -> None:
    """Declare the command and its arguments."""
    parser = commands.add_parser("results", help="print the table of published versions, in Markdown")
    add_models_dir(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the table. Raises `PublishError` when a version has no card."""
    print(results_table(options.models_dir or read_settings().models_dir))
    return 0
