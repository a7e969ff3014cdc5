"""The command line: arguments in, an exit code out. What it does lies in `training.run`."""

from __future__ import annotations

import argparse
import logging
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from training.config import OPTIMIZERS, RECIPES
from training.data import DATASETS, load
from training.errors import TrainingError
from training.promote import LATEST, Request, overview, promote
from training.results import results_table
from training.settings import prepare_libraries, read_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

INTERRUPTED = 130  # 128 + SIGINT, as shells count


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0, 1 (could not publish), 2 (cannot work as asked), 130 (Ctrl-C)."""
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    logging.getLogger("training").setLevel(logging.INFO)
    options = _parser().parse_args(arguments)
    try:
        if options.command == "results":
            print(results_table(options.models_dir or read_settings().models_dir))
            return 0
        if options.command == "promote":
            return _promote(options)
        return _train(options)
    except TrainingError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("\ninterrupted; nothing was published", file=sys.stderr)
        return INTERRUPTED


def _train(options: argparse.Namespace) -> int:
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


def _promote(options: argparse.Namespace) -> int:
    models_dir = options.models_dir or read_settings().models_dir
    request = Request(
        options.model, options.version, options.label, options.remove, options.canary_share, options.shadow_share
    )
    for line in promote(models_dir, request) if request.changes_something else overview(models_dir, options.model):
        print(line)
    return 0


def _version(text: str) -> int | str:
    if text == LATEST:
        return text
    if text.isascii() and text.isdigit() and not text.startswith("0"):
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is neither a version's number nor {LATEST!r}")


_RECIPE_OPTIONS = ("dataset", "epochs", "batch_size", "learning_rate", "optimizer", "seed")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description="Train models and publish them.")
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser(
        "train",
        help="train a model and publish its next version",
        description="Train a model and publish its next version. What is not given is as the shipped model had it.",
    )
    train.add_argument("--model", required=True, choices=sorted(RECIPES), help="which model")
    train.add_argument("--dataset", choices=sorted(DATASETS), help="what it learns (default: mnist)")
    train.add_argument("--epochs", type=int, help="how often it sees every training picture")
    train.add_argument("--batch-size", type=int, help="pictures per step")
    train.add_argument("--learning-rate", type=float, help="peak of the one-cycle schedule")
    train.add_argument("--optimizer", choices=OPTIMIZERS, help="how steps are taken")
    train.add_argument("--seed", type=int, help="the same seed gives the same weights on the same machine")
    train.add_argument("--data-dir", type=Path, help="directory with the data set, instead of DIGITS_DATA_DIR")
    results = commands.add_parser("results", help="print the table of published versions, in Markdown")
    promotion = commands.add_parser(
        "promote",
        help="put a label on a version, or list labels and versions",
        description="Put a label on a version; a running service follows. Without --label: list labels and versions.",
    )
    promotion.add_argument("--model", required=True, help="which model")
    promotion.add_argument("--version", type=_version, help=f"which version, or {LATEST!r}")
    promotion.add_argument(
        "--label", help="`stable` answers those who name no version, `canary` a share of them; any other is a name"
    )
    promotion.add_argument("--remove", action="store_true", help="take the label off instead")
    promotion.add_argument("--canary-share", type=float, help="part of the requests that the canary answers, 0 to 1")
    promotion.add_argument("--shadow-share", type=float, help="part of them that the shadow is asked too, 0 to 1")
    for command in (train, results, promotion):
        command.add_argument(
            "--models-dir", type=Path, help="where versions are, instead of DIGITS_MODELS_DIR (default: models)"
        )
    return parser
