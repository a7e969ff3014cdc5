"""Versions without the work of making them: copies of the one toy model, under other names."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from training.publish import CARD, read_card

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    CopyToy = Callable[..., Path]


@pytest.fixture(scope="session")
def copy_toy(toy: Path) -> CopyToy:
    """`copy_toy(models_dir, name, version, seed=3)` is a whole version whose card says what is given."""

    def copy(models_dir: Path, name: str, version: int = 1, **changes: Any) -> Path:
        directory = models_dir / name / str(version)
        shutil.copytree(toy, directory)
        card = read_card(toy) | {"name": name, "version": version} | changes
        (directory / CARD).write_text(json.dumps(card), encoding="utf-8")
        return directory

    return copy
