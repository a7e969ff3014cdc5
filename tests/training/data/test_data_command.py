"""`python -m training data`, and the picture it draws."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from training.commands import data as command
from training.commands.dataset_arguments import size_px
from training.data import DATASETS, load
from training.data.contact_sheet import contact_sheet
from training.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

    from training.data import Dataset, DatasetSpec


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    options = parser.parse_args(["data", *arguments])
    return int(options.run(options))


def test_the_list(declared: DatasetSpec, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run() == 0
    lines = capsys.readouterr().out.splitlines()
    for spec in DATASETS.values():
        row = next(line for line in lines if line.startswith(f"{spec.name} "))
        assert {str(len(spec.labels)), spec.digest[:12]} <= set(row.split())
        assert row.rstrip().endswith("no")
        assert any(line.startswith(f"{spec.name}: may be had from ") for line in lines)
    assert list(tmp_path.iterdir()) == []


def test_the_list_says_where_from(
    declared: DatasetSpec, idx_directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--data-dir", str(idx_directory)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert f"toy: directory {idx_directory}" in lines
    assert [line.split()[-1] for line in lines if line.startswith(("toy ", "cifar10 "))] == ["no", "yes"]


def test_one_data_set(declared: DatasetSpec, idx_directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("toy", "--data-dir", str(idx_directory)) == 0
    out = capsys.readouterr().out
    assert "toy from directory: 10 classes, pictures of 28×28×1, preparation 'mnist'" in out
    rows = [line.split() for line in out.splitlines()]
    assert ["7", "7", "30", "6"] in rows
    assert ["all", "300", "60"] in rows
    for name, digest in declared.sha256.items():
        assert [digest, name] in rows


def test_own_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("cat", "dog"):
        (tmp_path / "mine" / name).mkdir(parents=True)
        for number in range(3):
            Image.new("RGB", (9 + number, 8)).save(tmp_path / "mine" / name / f"{number}.png")
    picture = tmp_path / "sheet.png"
    assert run(str(tmp_path / "mine"), "--size", "4x5", "--grey", "--prepare", "none", "--picture", str(picture)) == 0
    out = capsys.readouterr().out
    assert "mine from folder: 2 classes, pictures of 4×5×1, preparation 'none'" in out
    with Image.open(picture) as drawn:
        assert drawn.size[0] > 100


@pytest.mark.parametrize("arguments", [("--picture", "a.png"), ("toy", "--picture", "a.txt")])
def test_a_picture_of_what(arguments: tuple[str, ...]) -> None:
    with pytest.raises(ConfigurationError, match="--picture takes"):
        run(*arguments)


def test_a_picture_that_cannot_be_written(declared: DatasetSpec, idx_directory: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be written"):
        run("toy", "--data-dir", str(idx_directory), "--picture", str(tmp_path / "absent" / "a.png"))


@pytest.mark.parametrize(("text", "size"), [("28x30", (28, 30)), (" 1X2 ", (1, 2)), ("32×32", (32, 32))])
def test_a_size(text: str, size: tuple[int, int]) -> None:
    assert size_px(text) == size


@pytest.mark.parametrize("text", ["28", "28x", "ax3", "28x28x1", "-1x3", "99999x1", "²x3"])
def test_no_size(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="HEIGHTxWIDTH"):
        size_px(text)


@pytest.fixture
def dataset(declared: DatasetSpec, idx_directory: Path) -> Dataset:
    return load("toy", data_dir=idx_directory)


def drawn(axis: Axes) -> np.ndarray:
    return np.asarray(axis.get_images()[0].get_array())


def test_a_contact_sheet_has_a_row_of_each_class(dataset: Dataset) -> None:
    (axis,) = contact_sheet(dataset, examples=4).axes
    mosaic = drawn(axis)
    assert mosaic.shape == (10 * 30, 4 * 30, 3)
    assert [label.get_text() for label in axis.get_yticklabels()] == [f"{digit}  (30)" for digit in range(10)]
    for digit in range(10):
        of_class = dataset.x_train[dataset.y_train == digit][..., 0]
        for column in range(4):
            shown = mosaic[30 * digit : 30 * digit + 28, 30 * column : 30 * column + 28]
            assert (shown == shown[..., :1]).all()
            assert (of_class == shown[..., 0]).all(axis=(1, 2)).any()


def test_a_class_with_few_pictures_has_a_short_row(dataset: Dataset) -> None:
    keep = (dataset.y_train != 3) | (np.cumsum(dataset.y_train == 3) <= 2)
    few = replace(dataset, x_train=dataset.x_train[keep], y_train=dataset.y_train[keep])
    (axis,) = contact_sheet(few, examples=4).axes
    assert (drawn(axis)[90:118, 60:] == 255).all()
    assert axis.get_yticklabels()[3].get_text() == "3  (2)"


def test_many_classes_stand_in_columns(dataset: Dataset) -> None:
    names = tuple(f"class {number}" for number in range(45))
    labels = (np.arange(300) % 45).astype(np.uint8)
    many = replace(dataset, spec=replace(dataset.spec, labels=names), y_train=labels)
    axes = contact_sheet(many, examples=2).axes
    assert [len(axis.get_yticks()) for axis in axes] == [15, 15, 15]
    assert axes[2].get_yticklabels()[14].get_text().startswith("class 44")
