"""The arguments that say which data a command works on, and what they ask for."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from training.data import PREPARATIONS, Dataset, Reading, load


def add_data_options(parser: argparse.ArgumentParser) -> None:
    """`--data-dir` for a published data set; `--size`, `--grey`, `--skip-unreadable` and `--prepare` for one's own."""
    group = parser.add_argument_group("data")
    group.add_argument("--data-dir", type=Path, help="directory with the data set, instead of DIGITS_DATA_DIR")
    group.add_argument(
        "--size", type=size_px, metavar="HxW", help="bring pictures of your own to this size, such as 28x28"
    )
    group.add_argument("--grey", action="store_true", help="make pictures of your own grey")
    group.add_argument(
        "--skip-unreadable", action="store_true", help="leave out pictures of your own that cannot be read"
    )
    group.add_argument(
        "--prepare",
        choices=sorted(PREPARATIONS),
        help="how the service has to prepare pictures for a model of your own data (default: resize; arrays: none)",
    )


def reading_of(options: argparse.Namespace) -> Reading:
    """What the options say of how a user's own data are read. Raises `ConfigurationError`."""
    return Reading(options.size, options.grey, options.skip_unreadable, options.prepare)


def load_data(options: argparse.Namespace, name: str) -> Dataset:
    """The data set `name`, or the user's own at that path, as the options say. May download. Raises `TrainingError`."""
    return load(name, data_dir=options.data_dir, reading=reading_of(options))


def size_px(text: str) -> tuple[int, int]:
    """`"28x30"` as (28, 30): height and width in pixels."""
    match = re.fullmatch(r"([0-9]{1,4})[x×]([0-9]{1,4})", text.strip().lower())
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no size; one is HEIGHTxWIDTH in pixels, such as 28x28")
    return int(match[1]), int(match[2])
