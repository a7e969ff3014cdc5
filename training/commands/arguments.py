"""Arguments that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - it has no public name


def add_models_dir(parser: argparse.ArgumentParser) -> None:
    """`--models-dir`: None where it is not given."""
    parser.add_argument(
        "--models-dir", type=Path, help="where versions are, instead of DIGITS_MODELS_DIR (default: models)"
    )
