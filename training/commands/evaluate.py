"""`evaluate`: what a published version is worth on labelled pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from training.commands.arguments import add_models_dir
from training.commands.dataset_arguments import add_data_options, load_data
from training.settings import prepare_libraries, read_settings

if TYPE_CHECKING:
    import argparse

    from training.commands.arguments import Commands
    from training.evaluate.evaluation import Evaluation

FORMATS = ("text", "markdown", "json")
_PICTURES = ("mistakes", "confusion", "reliability")
_SHOWN_MISTAKES = 40


def add_parser(commands: Commands) -> None:
    """Declare the command and its arguments."""
    parser = commands.add_parser(
        "evaluate",
        help="score a published version on labelled pictures",
        description="Score a published version: accuracy with its interval, loss, each class, confusion, calibration "
        "and the worst mistakes.",
    )
    parser.add_argument("reference", metavar="NAME[/VERSION|LABEL]", help="which version (default: the model's latest)")
    parser.add_argument("--dataset", help="what to ask it, by name or path (default: what it learned from)")
    add_data_options(parser)
    parser.add_argument("--part", choices=("test", "validation"), default="test", help="which pictures (default: test)")
    parser.add_argument("--format", choices=FORMATS, default="text", help="how to print it (default: text)")
    parser.add_argument("--mistakes", type=Path, metavar="PICTURE", help="draw the worst mistakes into this file")
    parser.add_argument("--confusion", type=Path, metavar="PICTURE", help="draw the confusion matrix into this file")
    parser.add_argument("--reliability", type=Path, metavar="PICTURE", help="draw the calibration into this file")
    add_models_dir(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Evaluate and print. Raises `TrainingError`."""
    from rich.console import Console

    from training.evaluate.references import find_version

    directory = find_version(options.models_dir or read_settings().models_dir, options.reference)
    if any(getattr(options, name) is not None for name in _PICTURES):
        from training.plots.style import require_picture

        for name in _PICTURES:
            if getattr(options, name) is not None:
                require_picture(getattr(options, name))
    prepare_libraries()
    from training.evaluate.parts import learned_from
    from training.publish import read_card

    dataset = load_data(options, options.dataset or learned_from(read_card(directory)))
    from training.evaluate.evaluation import evaluate
    from training.evaluate.served import load_served

    evaluation = evaluate(load_served(directory), dataset, options.part, Console(stderr=True))
    _print(evaluation, options.format)
    _draw(evaluation, options)
    return 0


def _print(evaluation: Evaluation, form: str) -> None:
    import json

    from rich.console import Console

    from training.evaluate.show import as_markdown, as_text

    if form == "text":
        Console().print(as_text(evaluation))
    elif form == "markdown":
        print(as_markdown(evaluation), end="")
    else:
        print(json.dumps(evaluation.document(), indent=1, ensure_ascii=False))


def _draw(evaluation: Evaluation, options: argparse.Namespace) -> None:
    if not any(getattr(options, name) is not None for name in _PICTURES):
        return
    import numpy as np

    from training.plots.confusion import confusion_figure
    from training.plots.mistakes import mistakes_figure
    from training.plots.reliability import reliability_figure
    from training.plots.style import save

    metrics, where = evaluation.metrics, f"{evaluation.model}, {evaluation.dataset} ({evaluation.part})"
    wrong = f"{metrics['total'] - metrics['correct']:,} of {metrics['total']:,} wrong"
    if options.mistakes is not None:
        worst = evaluation.worst(_SHOWN_MISTAKES)
        images = evaluation.pictures.images[[mistake.index for mistake in worst]]
        shown = f"the worst {len(worst)}, by loss" if len(worst) < metrics["total"] - metrics["correct"] else "by loss"
        save(mistakes_figure(images, worst, f"{where}: {wrong}; {shown}"), options.mistakes)
    if options.confusion is not None:
        matrix = np.array(metrics["confusion_matrix"])
        save(confusion_figure(matrix, evaluation.labels, f"{where}: {wrong}"), options.confusion)
    if options.reliability is not None:
        note = f"ECE {metrics['ece']:.2%}\nBrier score {metrics['brier']:.4f}"
        save(reliability_figure(metrics["reliability"], where, note), options.reliability)
