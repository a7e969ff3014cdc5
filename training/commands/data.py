"""`data`: which data sets there are and what is in one of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from training.commands.dataset_arguments import add_data_options, load_data
from training.data.specs import DATASETS
from training.data.whereabouts import find_nearby, find_remote
from training.errors import ConfigurationError
from training.settings import prepare_libraries, read_settings

if TYPE_CHECKING:
    import argparse

    from training.commands.arguments import Commands
    from training.data import Dataset

_DIGEST_CHARACTERS = 12
_PICTURE_SUFFIXES = (".png", ".pdf", ".svg")


def add_parser(commands: Commands) -> None:
    """Declare the command and its arguments."""
    parser = commands.add_parser(
        "data",
        help="list the data sets, or show what is in one",
        description="Without a name: list the data sets and where they would come from; nothing is downloaded. "
        "With one: load it, check it, and show its classes.",
    )
    parser.add_argument("dataset", nargs="?", help=f"{', '.join(sorted(DATASETS))}, or a path to your own")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw examples of every class (.png, .pdf, .svg)")
    add_data_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """List data sets, or show one. Raises `TrainingError`."""
    console = Console()
    picture: Path | None = options.picture
    if picture is not None and (options.dataset is None or picture.suffix.lower() not in _PICTURE_SUFFIXES):
        raise ConfigurationError(f"--picture takes a data set and a file named {', '.join(_PICTURE_SUFFIXES)}.")
    if options.dataset is None:
        _list(console, options.data_dir)
        return 0
    prepare_libraries()
    dataset = load_data(options, options.dataset)
    _show(console, dataset)
    if picture is not None:
        _draw(dataset, picture)
        console.print(f"{picture} shows examples of every class", highlight=False, soft_wrap=True)
    return 0


def _list(console: Console, data_dir: Path | None) -> None:
    settings = read_settings()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("data set", "classes", "shape", "train", "test", "SHA-256", "here"):
        table.add_column(title, justify="right" if title in ("classes", "train", "test") else "left")
    lines = []
    for spec in DATASETS.values():
        sizes = [f"{size:,}" for size in spec.sizes] if spec.sizes else ["?", "?"]
        nearby = find_nearby(spec, data_dir or settings.data_dir, settings.cache_dir, settings.keras_home)
        shape = "×".join(map(str, spec.shape))
        is_here = "no" if nearby is None else "yes"
        table.add_row(spec.name, str(len(spec.labels)), shape, *sizes, spec.digest[:_DIGEST_CHARACTERS], is_here)
        lines.append(f"{spec.name}: {nearby or f'may be had from {find_remote(spec)}'}")
    console.print(table, soft_wrap=True)
    for line in lines:
        console.print(line, style="dim", highlight=False, soft_wrap=True)


def _show(console: Console, dataset: Dataset) -> None:
    spec = dataset.spec
    shape = "×".join(map(str, spec.shape))
    console.print(
        f"{spec.name} from {dataset.source}: {len(spec.labels)} classes, pictures of {shape}, preparation "
        f"{spec.preparation!r}",
        highlight=False,
        soft_wrap=True,
    )
    table = Table(box=None, pad_edge=False, header_style="bold", show_footer=True)
    table.add_column("label", justify="right", footer="")
    table.add_column("class", footer="all")
    train, test = dataset.counts()
    table.add_column("train", justify="right", footer=f"{train.sum():,}")
    table.add_column("test", justify="right", footer=f"{test.sum():,}")
    for label, name in enumerate(spec.labels):
        table.add_row(str(label), name, f"{train[label]:,}", f"{test[label]:,}")
    console.print(table, soft_wrap=True)
    for name, digest in spec.sha256.items():
        console.print(f"{digest}  {name}", highlight=False, soft_wrap=True)


def _draw(dataset: Dataset, picture: Path) -> None:
    from training.data.contact_sheet import contact_sheet

    try:
        contact_sheet(dataset).savefig(picture, dpi=130, facecolor="white")
    except OSError as error:
        raise ConfigurationError(f"{picture} cannot be written: {error}.") from error
