"""`train`: fit a model and publish its next version."""

from __future__ import annotations

import argparse
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from architectures.keys import parse_keys
from training.backends import fit_on_jax, require_jax
from training.command_line import command_line
from training.commands.arguments import add_models_dir
from training.commands.dataset_arguments import add_data_options, load_data
from training.commands.recipe_options import add_architecture, add_recipe, add_run
from training.config import TrainingConfig
from training.data import DATASETS, Dataset
from training.errors import ConfigurationError
from training.recipes import augmentation_named, recipe, with_optimizer
from training.settings import prepare_libraries, read_settings
from training.teachers import read_teachers

if TYPE_CHECKING:
    from training.commands.arguments import Commands

_DESCRIPTION = """\
Train a model and publish its next version. What is not given is as the preset's recipe has it: for cnn and mlp what the
shipped models were trained with, for the others Adam at a constant rate, for a few epochs. Ctrl-C ends after the current
step and keeps the finished epochs; the same command goes on there, to the same weights as without a break."""


def add_parser(commands: Commands) -> None:
    """Declare the command and its arguments."""
    parser = commands.add_parser("train", help="train a model and publish its next version", description=_DESCRIPTION)
    add_architecture(parser.add_argument_group("what is trained"))
    parser.add_argument("--dataset", help=f"what it learns: {', '.join(DATASETS)}, or a path (default: mnist)")
    add_data_options(parser)
    add_recipe(parser.add_argument_group("recipe"))
    _add_teachers(parser.add_argument_group("learning from other models"))
    add_run(parser.add_argument_group("the run"))
    add_models_dir(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Train, publish, and say how many test pictures the new version gets right. Raises `TrainingError`."""
    settings = read_settings()
    config = config_of(options)
    prepare_libraries()
    dataset = load_data(options, options.dataset or config.dataset)
    config = for_data(config, dataset, options)
    teachers = read_teachers(
        options.teacher, dataset, validation_size=config.validation_size, with_outliers=config.outlier_share > 0.0
    )
    config = replace(config, teachers=teachers)
    if options.backend == "jax":
        if options.tensorboard is not None:
            raise ConfigurationError("--tensorboard needs --backend tensorflow.")
        require_jax(config, len(dataset.spec.labels))

    # Imported late: when there are no data, nobody waits for TensorFlow to find that out.
    from training.checkpoints import run_directory
    from training.publish import read_card
    from training.run import train_and_publish
    from training.tensorboard import tensorboard_callbacks

    console = Console()
    console.print(f"[dim]{command_line(config)}[/dim]", highlight=False, soft_wrap=True)
    runs_dir = options.runs_dir or settings.runs_dir
    watch = None
    if options.tensorboard is not None:
        given = options.tensorboard != Path()
        logs = (
            options.tensorboard if given else run_directory(runs_dir, config, dict(dataset.spec.sha256)) / "tensorboard"
        )
        watch = tensorboard_callbacks(logs, dataset.spec.labels)
        console.print(f"[dim]tensorboard --logdir {logs}[/dim]", highlight=False, soft_wrap=True)
    fresh = options.fresh
    if options.backend == "jax" and not options.as_is:
        fit_on_jax(config, dataset, runs_dir, console, fresh=fresh)
        fresh = False  # it has begun anew
    published = train_and_publish(
        config,
        dataset,
        options.models_dir or settings.models_dir,
        console,
        runs_dir=runs_dir,
        fresh=fresh,
        as_is=options.as_is,
        watch=watch,
    )
    test = read_card(published.directory)["metrics"]["test"]
    lines = [
        f"{published.directory}: {test['correct']:,} of {test['total']:,} test pictures right ({test['accuracy']:.2%})"
    ]
    for line in [*lines, *published.remarks]:
        console.print(line, highlight=False, soft_wrap=True, markup=False)
    return 0


def _add_teachers(group: argparse._ActionsContainer) -> None:
    group.add_argument(
        "--teacher",
        action="append",
        default=[],
        type=Path,
        metavar="DIR",
        help="a version to learn from beside the labels, as models/cnn/1; give several for a committee",
    )
    group.add_argument(
        "--teacher-share", type=float, help="part of a target that teachers say, the label says the rest"
    )


def config_of(options: argparse.Namespace) -> TrainingConfig:
    """The recipe with what is given in its place. Raises `ConfigurationError` for values that make no sense."""
    dataset = options.dataset or "mnist"
    if dataset not in DATASETS:
        dataset = "own"  # until it is read and tells its name
    config = recipe(options.model, dataset)
    if options.optimizer is not None:
        config = with_optimizer(config, options.optimizer)
    given: dict[str, Any] = {
        item.name: getattr(options, item.name)
        for item in fields(TrainingConfig)
        if item.name not in ("model", "dataset") and getattr(options, item.name, None) is not None
    }
    if options.augment is not None:
        given["augmentation"] = augmentation_named(options.augment, dataset)
    if options.set:
        given["architecture_keys"] = parse_keys(options.set)
    config = replace(config, **given)
    config.architecture(classes=10)  # a key that does not exist is known before the data are read
    return config


def for_data(config: TrainingConfig, dataset: Dataset, options: argparse.Namespace) -> TrainingConfig:
    """The recipe for the data as they turned out: their name, and a validation part that leaves enough of few pictures."""
    config = replace(config, dataset=dataset.spec.name)
    if dataset.spec.name in DATASETS or options.validation_size is not None:
        return config
    return replace(config, validation_size=max(1, min(config.validation_size, len(dataset.y_train) // 10)))
