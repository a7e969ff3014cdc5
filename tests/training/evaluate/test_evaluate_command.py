from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from tests.import_graph import chain_to, find_modules, read_imports
from training.cli import main

if TYPE_CHECKING:
    from training.data import DatasetSpec

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def arguments(declared: DatasetSpec, idx_directory: Path, toy: Path) -> list[str]:
    return ["evaluate", "toy", "--data-dir", str(idx_directory), "--models-dir", str(toy.parents[1])]


def test_as_json(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*arguments, "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["model"], document["dataset"], document["part"], document["total"]) == ("toy/1", "toy", "test", 60)


def test_as_text_and_markdown(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*arguments, "--part", "validation"]) == 0
    assert "toy/1 on the validation part of toy" in capsys.readouterr().out
    assert main([*arguments, "--format", "markdown"]) == 0
    assert capsys.readouterr().out.startswith("# toy/1 on the test part of toy\n")


def test_pictures(arguments: list[str], tmp_path: Path) -> None:
    paths = {name: tmp_path / f"{name}.png" for name in ("mistakes", "confusion", "reliability")}
    assert main([*arguments, *(word for name, path in paths.items() for word in (f"--{name}", str(path)))]) == 0
    for path in paths.values():
        with Image.open(path) as picture:
            assert min(picture.size) > 200


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--confusion", "matrix.gif"], "a picture ends in one of .png, .svg, .pdf"),
        (["--mistakes", "nowhere/x.png"], "there is no directory nowhere"),
    ],
)
def test_a_picture_that_cannot_be_written_is_known_before_the_work(
    arguments: list[str], more: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, *more]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""


def test_no_such_model(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    arguments[1] = "resnet"
    assert main(arguments) == 2
    assert "There is no model 'resnet'" in capsys.readouterr().err


@pytest.mark.parametrize("module", ["training.evaluate.evaluation", "training.report.write"])
def test_keras_is_not_needed(module: str) -> None:
    """Whoever looks at a SavedModel needs nothing of what made it; but `keras.datasets` is one source of data."""
    found = read_imports(find_modules(ROOT, ("training",)))
    imports = [one for one in found if one.importer != "training.data.keras_source"]
    assert chain_to(imports, module, "tensorflow") is not None
    assert chain_to(imports, module, "keras") is None
