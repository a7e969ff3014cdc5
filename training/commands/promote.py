"""`promote`: put labels on versions, or list them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from training.commands.arguments import add_models_dir
from training.promote import LATEST, Request, overview, promote
from training.settings import read_settings

if TYPE_CHECKING:
    from training.commands.arguments import Commands


def add_parser(commands: Commands) -> None:
    """Declare the command and its arguments."""
    parser = commands.add_parser(
        "promote",
        help="put a label on a version, or list labels and versions",
        description="Put a label on a version; a running service follows. Without --label: list labels and versions.",
    )
    parser.add_argument("--model", required=True, help="which model")
    parser.add_argument("--version", type=_version, help=f"which version, or {LATEST!r}")
    parser.add_argument(
        "--label", help="`stable` answers those who name no version, `canary` a share of them; any other is a name"
    )
    parser.add_argument("--remove", action="store_true", help="take the label off instead")
    parser.add_argument("--canary-share", type=float, help="part of the requests that the canary answers, 0 to 1")
    parser.add_argument("--shadow-share", type=float, help="part of them that the shadow is asked too, 0 to 1")
    add_models_dir(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Change labels and shares as asked, or list them. Raises `TrainingError`."""
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
