"""`first-principles`: the network whose every op is written out, trained by a loop that is written out too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console

from training.commands.arguments import add_models_dir
from training.commands.dataset_arguments import add_data_options, load_data
from training.data import DATASETS
from training.first_principles.loop_config import LoopConfig
from training.settings import prepare_libraries, read_settings

if TYPE_CHECKING:
    import argparse

    from training.commands.arguments import Commands

_DEFAULT = LoopConfig()


def add_parser(commands: Commands) -> None:
    """Declare the command and its arguments."""
    parser = commands.add_parser(
        "first-principles",
        help="train a network whose every op is written out",
        description=(
            "Train `scratch` (convolution by an unrolled kernel, pooling, dense layers, cross-entropy and Adam, all in "
            "training/first_principles) on a few pictures. docs/first-principles.md tells how it works."
        ),
    )
    parser.add_argument("--demo", action="store_true", help="print two convolutions step by step, and train nothing")
    known = ", ".join(sorted(DATASETS))
    parser.add_argument("--dataset", default="mnist", help=f"what it learns: {known}, or a path (default: mnist)")
    for flag, kind, default, meaning in (
        ("--pictures", int, _DEFAULT.pictures, "pictures to train on"),
        ("--batch-size", int, _DEFAULT.batch_size, "pictures per step"),
        ("--epochs", int, _DEFAULT.epochs, "how often it sees every picture"),
        ("--learning-rate", float, _DEFAULT.learning_rate, "Adam's"),
        ("--seed", int, _DEFAULT.seed, "the same seed gives the same weights on the same machine"),
        ("--validation-size", int, _DEFAULT.validation_size, "pictures kept out of training to check on"),
    ):
        parser.add_argument(flag, type=kind, default=default, help=f"{meaning} (default: {default})")
    parser.add_argument("--publish", action="store_true", help="publish what comes out as the next version of scratch")
    add_models_dir(parser)
    add_data_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Show the examples, or train and, when asked to, publish. Raises `TrainingError`."""
    prepare_libraries()
    console = Console()
    if options.demo:
        from training.first_principles.demo import EXAMPLES, worked_example

        text = "\n\n\n".join(worked_example(example) for example in EXAMPLES)
        console.print(text, highlight=False, markup=False, soft_wrap=True)
        return 0
    config = LoopConfig(**{field: getattr(options, field) for field in LoopConfig.__dataclass_fields__})
    models_dir = options.models_dir or read_settings().models_dir
    dataset = load_data(options, options.dataset)

    # Imported late: when there are no data, nobody waits for TensorFlow to find that out.
    from training.first_principles.experiment import publish_outcome, require_room, run_experiment
    from training.publish import read_card

    if options.publish:
        require_room(models_dir)
    outcome = run_experiment(config, dataset, console)
    if options.publish:
        published = publish_outcome(outcome, config, dataset, models_dir)
        test = read_card(published.directory)["metrics"]["test"]
        score = f"{test['correct']:,} of {test['total']:,} test pictures right ({test['accuracy']:.2%})"
        for line in [f"{published.directory}: {score}", *published.remarks]:
            console.print(line, highlight=False, soft_wrap=True, markup=False)
    return 0
