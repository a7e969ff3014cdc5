"""`sweep`: what each of several choices brings, on validation pictures."""

from __future__ import annotations

import argparse
import shlex
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from training.commands.dataset_arguments import reading_of
from training.commands.train import config_of, for_data
from training.commands.trial_options import add_trials, add_what_is_trained, check_trials, store_of, write
from training.config import TrainingConfig, flag
from training.data import DATASETS, Dataset, load
from training.settings import prepare_libraries
from training.sweep.axes import parse_axes
from training.sweep.grid import grid, sample
from training.sweep.plan import make_plan
from training.sweep.table import FORMATS, SORTS, Sweep, in_order, planned, require_sort, show

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from training.commands.arguments import Commands
    from training.sweep.grid import Value
    from training.sweep.plan import Combination

_DESCRIPTION = """\
Fit a model for each combination of what varies: keys of the preset (`describe` tells them; for conv-pool-n also the short
words filters, kernel, stride, padding, pool, pool_stride, layers, units), widths of an mlp-<width>-<width>-…, the model
itself, and anything in the recipe. All are scored on the same validation pictures; the test part plays no role, and
nothing is published. Ctrl-C keeps what has finished; the same command, and any other that shares combinations with it,
goes on from there."""

NOTHING_FITTED = 1


def add_parser(commands: Commands) -> None:
    """Declare the command and its arguments."""
    parser = commands.add_parser(
        "sweep", help="fit a model for each combination of several choices", description=_DESCRIPTION
    )
    add_what_is_trained(parser)
    group = parser.add_argument_group("what varies")
    group.add_argument(
        "--vary",
        action="append",
        default=[],
        metavar="KEY=VALUE,VALUE",
        help="values to try; given again for each further key. Every combination is fitted",
    )
    group.add_argument("--random", type=int, metavar="N", help="N of the combinations, drawn by the seed")
    group.add_argument("--dry-run", action="store_true", help="list them with their parameters and MACs, and fit none")
    add_trials(parser, FORMATS)
    parser.add_argument(
        "--sort",
        default="accuracy",
        metavar="BY",
        help=f"order of the table: {', '.join(SORTS)}, or a varied key (default: accuracy)",
    )
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw accuracy by each key and by parameters")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Plan, fit, and print the table. 1 when no combination has a result. Raises `TrainingError`."""
    check_trials(options)
    axes = parse_axes(options.vary, options.model)
    require_sort(options.sort, axes)
    config = config_of(options)
    combinations = grid(axes) if options.random is None else sample(axes, options.random, config.seed)
    if options.picture is not None:
        from training.plots.style import require_picture

        require_picture(options.picture)
    prepare_libraries()
    if options.dry_run and config.dataset in DATASETS:
        dataset, spec = None, DATASETS[config.dataset]
        shape: tuple[int, ...] = spec.shape
    else:
        dataset = load(options.dataset or config.dataset, data_dir=options.data_dir, reading=reading_of(options))
        spec, shape = dataset.spec, dataset.x_train.shape[1:]
    plan = make_plan(combinations, _configure(options, dataset), shape, len(spec.labels))
    sweep = planned(_command(options), axes, plan)
    if not options.dry_run and dataset is not None:
        sweep = _fitted(sweep, plan, dataset, options)
    write(show(in_order(sweep, options.sort), options.format), options.out)
    if options.dry_run:
        return 0
    if not sweep.scored:
        return NOTHING_FITTED
    if options.picture is not None:
        from training.plots.style import save
        from training.sweep.picture import sweep_figure

        save(sweep_figure(sweep), options.picture)
    return 0


def _fitted(sweep: Sweep, plan: list[Combination], dataset: Dataset, options: argparse.Namespace) -> Sweep:
    from rich.console import Console

    from training.sweep.run import run_sweep

    validation_size = for_data(config_of(options), dataset, options).validation_size
    return run_sweep(
        sweep,
        plan,
        dataset,
        validation_size,
        store_of(options),
        Console(stderr=True),
        jobs=options.jobs,
        fresh=options.fresh,
    )


def _configure(
    options: argparse.Namespace, dataset: Dataset | None
) -> Callable[[Mapping[str, Value], Mapping[str, str]], TrainingConfig]:
    """A function that makes the recipe as if what varies had been given on the command line, so that the rest suits it:
    an optimizer brings its rate along, and a model its recipe, where none is given.
    """

    def configure(given: Mapping[str, Value], keys: Mapping[str, str]) -> TrainingConfig:
        fixed = [setting for setting in options.set if setting.partition("=")[0] not in keys]
        settings = [*fixed, *(f"{key}={value}" for key, value in keys.items())]
        varied = argparse.Namespace(**(vars(options) | dict(given) | {"set": settings}))
        config = config_of(varied)
        return config if dataset is None else for_data(config, dataset, varied)

    return configure


def _command(options: argparse.Namespace) -> str:
    """What was said, as it was said, but for the places of this machine."""
    names = [item.name for item in fields(TrainingConfig) if item.name not in ("name", "architecture_keys")]
    parts = ["python -m training sweep"]
    for name in [*names, "augment", "random"]:
        value = getattr(options, name, None)
        if value is True:
            parts.append(flag(name))
        elif value is not None and value is not False:
            parts.append(f"{flag(name)} {Path(value).name if name == 'dataset' else value}")
    parts += [f"--set {shlex.quote(setting)}" for setting in options.set]
    parts += [f"--vary {shlex.quote(setting)}" for setting in options.vary]
    return " ".join(parts)
