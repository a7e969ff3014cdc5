"""`crossval`: how good a recipe is, fold by fold, on pictures that it has not seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.command_line import command_line
from training.commands.dataset_arguments import reading_of
from training.commands.train import config_of, for_data
from training.commands.trial_options import add_trials, add_what_is_trained, check_trials, store_of, write
from training.crossval.show import FORMATS, show
from training.data import load
from training.settings import prepare_libraries

if TYPE_CHECKING:
    import argparse

    from training.commands.arguments import Commands

_DESCRIPTION = """\
Cross-validate a recipe: the training part is divided into folds, with the same share of every class in each; each fold is
scored by a model that was fitted on the others. The test part plays no role, and nothing is published. Ctrl-C keeps the
folds that have finished; the same command goes on from there."""


def add_parser(commands: Commands) -> None:
    """Declare the command and its arguments."""
    parser = commands.add_parser("crossval", help="cross-validate a recipe over K folds", description=_DESCRIPTION)
    add_what_is_trained(parser)
    parser.add_argument("--folds", type=int, default=5, metavar="K", help="how many (default: 5)")
    add_trials(parser, FORMATS)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Fit and score each fold, and print what they say together. Raises `TrainingError`."""
    check_trials(options)
    config = config_of(options)
    prepare_libraries()
    dataset = load(options.dataset or config.dataset, data_dir=options.data_dir, reading=reading_of(options))
    config = for_data(config, dataset, options)

    from rich.console import Console

    from training.crossval.run import cross_validate

    command = command_line(config).replace(" train ", " crossval ", 1) + f" --folds {options.folds}"
    console = Console(stderr=True)
    console.print(f"[dim]{command}[/dim]", highlight=False, soft_wrap=True)
    found = cross_validate(
        config,
        dataset,
        options.folds,
        store_of(options),
        console,
        command=command,
        jobs=options.jobs,
        fresh=options.fresh,
    )
    write(show(found, options.format), options.out)
    return 0
