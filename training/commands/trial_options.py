"""What `crossval` and `sweep` have in common: options, progress on the one stream and the result on the other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from training.commands.dataset_arguments import add_data_options
from training.commands.recipe_options import add_architecture, add_recipe
from training.data import DATASETS
from training.errors import ConfigurationError
from training.settings import read_settings
from training.trials import Store

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def add_what_is_trained(parser: argparse.ArgumentParser) -> None:
    """The options of `train` that decide what a model learns."""
    add_architecture(parser.add_argument_group("what is trained"))
    parser.add_argument("--dataset", help=f"what it learns: {', '.join(sorted(DATASETS))}, or a path (default: mnist)")
    add_data_options(parser)
    add_recipe(parser.add_argument_group("recipe"))


def add_trials(parser: argparse.ArgumentParser, formats: Sequence[str]) -> None:
    """How many run at once, what is kept where, and the form of the result."""
    group = parser.add_argument_group("the trials")
    group.add_argument(
        "--jobs", type=int, default=1, metavar="N", help="fits side by side, in processes of their own (default: 1)"
    )
    group.add_argument(
        "--runs-dir", type=Path, help="where finished fits are kept, instead of DIGITS_RUNS_DIR (default: runs)"
    )
    group.add_argument("--fresh", action="store_true", help="fit anew even what has finished before")
    group.add_argument("--format", choices=formats, default="text", help="how the result is written (default: text)")
    group.add_argument("--out", type=Path, metavar="FILE", help="write it there instead of printing it")


def store_of(options: argparse.Namespace) -> Store:
    """Where finished fits are kept."""
    return Store((options.runs_dir or read_settings().runs_dir) / "trials")


def check_trials(options: argparse.Namespace) -> None:
    """Raise `ConfigurationError` for what would fail after hours of work."""
    if options.jobs < 1:
        raise ConfigurationError(f"--jobs must be at least 1, not {options.jobs}.")
    if options.out is not None and not options.out.absolute().parent.is_dir():
        raise ConfigurationError(f"{options.out} cannot be written: there is no directory {options.out.parent}.")


def write(text: str, out: Path | None) -> None:
    """Print the result, or put it into a file. Raises `ConfigurationError` when that cannot be written."""
    if out is None:
        print(text)
        return
    try:
        out.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{out} cannot be written: {error.strerror}") from error
