"""What the chaos benchmark does to a models directory, asks, and reports."""

from __future__ import annotations

import io
import json
from collections import Counter
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.chaos import Phase, copied_models, errands, publish_copy, table
from benchmarks.crowd import Tally


@pytest.fixture
def models_dir(tmp_path: Path) -> Path:
    for version in (1, 10, 9):
        assets = tmp_path / "cnn" / str(version) / "assets.extra"
        assets.mkdir(parents=True)
        (assets / "card.json").write_text(json.dumps({"name": "cnn", "version": version, "labels": ["0"]}))
        (assets.parent / "saved_model.pb").write_text("graph")
    return tmp_path


def test_a_copy_is_the_same_version_under_another_number(models_dir: Path) -> None:
    publish_copy(models_dir / "cnn" / "10", 11)
    card = json.loads((models_dir / "cnn" / "11" / "assets.extra" / "card.json").read_text())
    assert card == {"name": "cnn", "version": 11, "labels": ["0"]}
    assert (models_dir / "cnn" / "11" / "saved_model.pb").read_text() == "graph"
    assert sorted(path.name for path in (models_dir / "cnn").iterdir()) == ["1", "10", "11", "9"]


def test_the_newest_version_alone_is_played_with_and_the_originals_stay(models_dir: Path) -> None:
    with copied_models(models_dir, "cnn") as folder:
        assert [path.name for path in (folder / "models" / "cnn").iterdir()] == ["10"]
        assert folder not in models_dir.parents
    assert not folder.exists()
    assert len(list((models_dir / "cnn").iterdir())) == 3


def test_requests_say_how_long_they_are() -> None:
    for errand in errands("mlp"):
        head, _, body = errand.request.partition(b"\r\n\r\n")
        assert head.startswith(b"POST /predict?model=mlp HTTP/1.1\r\n")
        assert f"Content-Length: {len(body)}".encode() in head
        assert body.startswith(b"\x89PNG")


def test_the_table_names_what_failed() -> None:
    good = Phase("nothing", 5.0, Tally(Counter({"200": 99, "503": 1}), [1.0] * 98 + [50.0]), 500, 90)
    bad = Phase("much × 2", 6.0, Tally(Counter({"200": 1, "reset": 2, "wrong": 1}), [2.0]), 500, 90)
    none = Phase("stopped", 1.0, Tally(), 0, 0)
    console = Console(width=200, file=io.StringIO(), record=True)
    console.print(table([good, bad, none]))
    rows = [line.split("│")[1:-1] for line in console.export_text().splitlines() if line.startswith("│")]
    cells = [[cell.strip() for cell in row] for row in rows]
    assert cells[0][:6] == ["nothing", "5", "100", "99", "1", "0"]
    assert cells[1][:6] == ["much × 2", "6", "4", "1", "0", "2 reset 1 wrong"]
    assert cells[2][2:6] == ["0", "0", "0", "0"]
