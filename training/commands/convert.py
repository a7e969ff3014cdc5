"""`convert`: the file by which the service runs a version faster, for one that was published without."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.commands.arguments import add_models_dir
from training.settings import prepare_libraries, read_settings

if TYPE_CHECKING:
    import argparse

    from training.commands.arguments import Commands


def add_parser(commands: Commands) -> None:
    """Declare the command and its arguments."""
    parser = commands.add_parser(
        "convert",
        help="convert a published version for LiteRT, in which it predicts faster on a CPU",
        description="Write assets.extra/prediction.tflite beside a published version, and its digest on the card. What is "
        "trained today has it; this is for versions from before. Predictions stay the same.",
    )
    parser.add_argument("reference", metavar="NAME[/VERSION|LABEL]", help="which version (default: the model's latest)")
    add_models_dir(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the file and say where it is; 1 when the version cannot be converted. Raises `TrainingError`."""
    import sys

    from training.evaluate.references import find_version

    directory = find_version(options.models_dir or read_settings().models_dir, options.reference)
    prepare_libraries()
    from training.evaluate.served import load_served
    from training.litert import LITERT, UnconvertibleError, write_litert
    from training.publish import amend

    try:
        amend(directory, lambda path, card: write_litert(path, load_served(path, card)))
    except UnconvertibleError as error:
        print(f"{directory} cannot be converted, and is served in TensorFlow: {error}", file=sys.stderr)
        return 1
    print(f"{directory / LITERT}: {(directory / LITERT).stat().st_size / 1e3:,.0f} kB")
    return 0
