"""The options by which a recipe is changed; each is named like the field of `TrainingConfig` that it sets."""

from __future__ import annotations

import argparse
from pathlib import Path

from architectures import ArchitectureError, preset_keys, preset_names
from training.backends import BACKENDS
from training.config import OPTIMIZERS, SCHEDULES
from training.recipes import AUGMENTATION_NAMES


def add_architecture(group: argparse._ActionsContainer) -> None:
    """`--model`, `--set`, `--allow-floor` and `--name`."""
    group.add_argument(
        "--model",
        required=True,
        type=_preset,
        help=f"the preset: {', '.join(preset_names())}, or mlp-<width>-<width>-…",
    )
    group.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change the preset; `describe` tells the keys"
    )
    group.add_argument(
        "--allow-floor", action="store_true", default=None, help="let windows that do not fit leave the rest out"
    )
    group.add_argument("--name", help="publish under this name (default: the preset's, with -<dataset> if not MNIST)")


def add_recipe(group: argparse._ActionsContainer) -> None:
    """How it is trained."""
    group.add_argument("--epochs", type=int, help="how often it sees every training picture")
    group.add_argument("--max-steps", type=int, metavar="N", help="stop after so many steps in all")
    group.add_argument("--early-stopping", type=int, metavar="PATIENCE",
                       help="stop when the validation loss has not fallen for so many epochs, and take the best one")  # fmt: skip
    group.add_argument("--batch-size", type=int, help="pictures per step")
    group.add_argument("--optimizer", choices=OPTIMIZERS, help="how steps are taken")
    group.add_argument(
        "--nesterov", action="store_true", default=None, help="Nesterov's way, with --optimizer momentum"
    )
    group.add_argument("--learning-rate", type=float, help="highest rate of the schedule (default: the optimizer's)")
    group.add_argument("--schedule", choices=SCHEDULES, help="how the rate changes over the run")
    group.add_argument("--warmup-share", type=float, help="part of the run in which a one-cycle rises, in [0, 1)")
    group.add_argument("--weight-decay", type=float, help="taken off every weight per step, times the rate")
    group.add_argument("--label-smoothing", type=float, help="part of a label that is spread over all classes")
    group.add_argument("--averaging-share", type=float, help="horizon of the averaged weights in runs; 0: no average")
    group.add_argument("--augment", choices=AUGMENTATION_NAMES, help="how far training pictures are changed")
    group.add_argument("--rare-share", type=float, help="drawn digits for each picture of a batch")
    group.add_argument("--outlier-share", type=float, help="pictures of no digit for each picture of a batch")
    group.add_argument("--pictures", type=int, metavar="N", help="learn from the first N pictures, for learning curves")
    group.add_argument("--validation-size", type=int, metavar="N", help="pictures set aside to choose by")
    group.add_argument("--seed", type=int, help="the same seed gives the same weights on the same machine")


def add_run(group: argparse._ActionsContainer) -> None:
    """What changes no weight."""
    group.add_argument(
        "--report-every",
        type=int,
        metavar="N",
        help="print the accuracy on the test part every N steps. To look at only: what is chosen by this curve, be it "
        "when to stop, has been fitted to the test part, whose score then says nothing any more",
    )
    group.add_argument(
        "--backend",
        choices=BACKENDS,
        default="tensorflow",
        help="on what Keras takes the steps (default: tensorflow); jax is for a GPU. The SavedModel is TensorFlow's either way",
    )
    # An empty path stands for the run's own directory.
    group.add_argument(
        "--tensorboard",
        nargs="?",
        type=Path,
        const=Path(),
        metavar="DIR",
        help="write logs for TensorBoard, here or to DIR",
    )
    group.add_argument(
        "--runs-dir", type=Path, help="where unfinished runs are kept, instead of DIGITS_RUNS_DIR (default: runs)"
    )
    how = group.add_mutually_exclusive_group()
    how.add_argument("--fresh", action="store_true", help="start over, where this run was interrupted before")
    how.add_argument("--as-is", action="store_true", help="publish what this run had reached when it was interrupted")


def _preset(name: str) -> str:
    try:
        preset_keys(name)
    except ArchitectureError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return name
