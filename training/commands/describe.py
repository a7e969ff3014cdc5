"""`describe`: what an architecture costs, before it is trained."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from architectures.document import parse_shape
from architectures.keys import parse_keys
from architectures.presets import MLP_FAMILY, preset_names
from training.describe import (
    Subject,
    from_document,
    from_preset,
    markdown_table,
    overview,
    overview_markdown,
    overview_table,
    text_table,
)
from training.describe.source import DEFAULT_INPUT
from training.errors import ConfigurationError

if TYPE_CHECKING:
    import argparse

    from rich.table import Table

    from training.commands.arguments import Commands

_FORMATS = ("text", "json", "markdown")
# A table that is wider than the terminal, or than what a pipe is taken for, is not cut.
_WIDEST_COLUMNS = 300


def add_parser(commands: Commands) -> None:
    """Declare the command and its arguments."""
    parser = commands.add_parser(
        "describe",
        help="work out an architecture's shapes, parameters, MACs and memory",
        description=(
            "Work out an architecture's volumes, parameters, receptive fields, MACs and memory before it is trained:"
            " of a preset, or of JSON in a file or on standard input."
        ),
        epilog=f"Presets: {', '.join(preset_names())}, {MLP_FAMILY}.",
    )
    parser.add_argument("preset", nargs="?", metavar="PRESET", help="name of a preset, as mlp-1000-300 or lenet5")
    parser.add_argument(
        "--file", type=Path, help="read the architecture from this JSON file instead; - is standard input"
    )
    parser.add_argument("--list", action="store_true", help="list all presets with what they cost")
    parser.add_argument("--input", metavar="HxWxC", help=f"shape of a picture (default: {DEFAULT_INPUT})")
    parser.add_argument("--classes", type=int, help="how many classes a preset tells apart (default: 10)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change a key of the preset; may be repeated"
    )
    parser.add_argument("--allow-floor", action="store_true", help="let windows leave out what they do not fit exactly")
    parser.add_argument("--format", choices=_FORMATS, default="text", help="how to print it (default: text)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the table. Raises `ConfigurationError`."""
    if options.list:
        _print_overview(options)
        return 0
    subject = _subject(options)
    if options.format == "json":
        print(json.dumps(subject.document(), indent=2))
    elif options.format == "markdown":
        print(markdown_table(subject))
    else:
        _print_table(text_table(subject))
    return 0


def _subject(options: argparse.Namespace) -> Subject:
    if options.preset is not None:
        if options.file is not None:
            raise ConfigurationError("Give a preset or a --file, not both.")
        return from_preset(
            options.preset,
            input_text=options.input,
            classes=10 if options.classes is None else options.classes,
            keys=parse_keys(options.set),
            allow_floor=options.allow_floor,
        )
    if options.set or options.classes is not None:
        raise ConfigurationError("--set and --classes are for presets; what is read as JSON says all of it itself.")
    return from_document(_read(options.file), input_text=options.input, allow_floor=options.allow_floor)


def _read(file: Path | None) -> str:
    if file is None and sys.stdin.isatty():
        raise ConfigurationError(
            f"Give the name of a preset ({', '.join(preset_names())}, {MLP_FAMILY}), a --file, or JSON on standard input."
        )
    if file is None or str(file) == "-":
        return sys.stdin.read()
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} cannot be read: {error}") from None


def _print_overview(options: argparse.Namespace) -> None:
    if options.preset or options.file or options.set or options.classes is not None:
        raise ConfigurationError("--list is of all presets as they are: it takes --input and --format alone.")
    shape = parse_shape(options.input or DEFAULT_INPUT)
    if options.format == "json":
        print(json.dumps(overview(shape), indent=2))
    elif options.format == "markdown":
        print(overview_markdown(shape))
    else:
        _print_table(overview_table(shape))


def _print_table(table: Table) -> None:
    console = Console()
    wide = console.measure(table, options=console.options.update(width=_WIDEST_COLUMNS)).maximum
    console.width = max(console.width, wide)
    console.print(table)
