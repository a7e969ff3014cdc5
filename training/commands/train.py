"""`train`: fit a model and publish its next version."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from training.commands.arguments import add_models_dir
from training.config import OPTIMIZERS, RECIPES
from training.data import DATASETS, load
from training.settings import prepare_libraries, read_settings

if TYPE_CHECKING:
    import argparse

    from training.commands.arguments import Commands

_RECIPE_OPTIONS = ("dataset", "epochs", "batch_size", "learning_rate", "optimizer", "seed")


def add_parser(commands: Commands) -> None:
    """Declare the command and its arguments."""
    parser = commands.add_parser(
        "train",
        help="train a model and publish its next version",
        description="Train a model and publish its next version. What is not given is as the shipped model had it.",
    )
    parser.add_argument("--model", required=True, choices=sorted(RECIPES), help="which model")
    parser.add_argument("--dataset", choices=sorted(DATASETS), help="what it learns (default: mnist)")
    parser.add_argument("--epochs", type=int, help="how often it sees every training picture")
    parser.add_argument("--batch-size", type=int, help="pictures per step")
    parser.add_argument("--learning-rate", type=float, help="peak of the one-cycle schedule")
    parser.add_argument("--optimizer", choices=OPTIMIZERS, help="how steps are taken")
    parser.add_argument("--seed", type=int, help="the same seed gives the same weights on the same machine")
    parser.add_argument("--data-dir", type=Path, help="directory with the data set, instead of DIGITS_DATA_DIR")
    add_models_dir(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Train, publish, and say how many test pictures the new version gets right. Raises `TrainingError`."""
    settings = read_settings()
    given = {key: value for key, value in vars(options).items() if key in _RECIPE_OPTIONS and value is not None}
    config = replace(RECIPES[options.model], **given)
    prepare_libraries()
    dataset = load(config.dataset, data_dir=options.data_dir)

    # Imported late: when there are no data, nobody waits for TensorFlow to find that out.
    from training.publish import read_card
    from training.run import train_and_publish

    console = Console()
    console.print(f"[dim]{config.command()}[/dim]", highlight=False, soft_wrap=True)
    published = train_and_publish(config, dataset, options.models_dir or settings.models_dir, console)
    test = read_card(published)["metrics"]["test"]
    console.print(
        f"{published}: {test['correct']:,} of {test['total']:,} test pictures right ({test['accuracy']:.2%})",
        highlight=False,
        soft_wrap=True,
    )
    return 0
