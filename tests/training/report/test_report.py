"""The page: everything in it, nothing outside it, with pictures and without, published and about to be."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.toy_model import toy_dataset
from training.cli import main
from training.errors import ConfigurationError
from training.evaluate.served import ServedModel, load_served
from training.publish import CARD, read_card, verify, versions
from training.report import write_report
from training.report.write import report_page

if TYPE_CHECKING:
    from training.data import Dataset, DatasetSpec

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
SECTIONS = ["Learning", "Confusion", "Classes", "Calibration", "Kernels", "Worst mistakes", "Layers", "Provenance"]
VOID = {"meta", "img", "br", "link", "input", "hr", "rect", "line", "circle", "path"}


class Page(HTMLParser):
    """What a browser would find; fails on a tag that is closed but not open."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.headings: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" in self.open:
            return
        self.text += data
        if self.open and self.open[-1] == "h2":
            self.headings.append(data)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]


def page(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def spoilt() -> Dataset:
    dataset = toy_dataset()
    images = dataset.x_test.copy()
    images[::7] = np.random.default_rng(7).integers(0, 255, images[::7].shape, dtype=np.uint8)
    return replace(dataset, x_test=images)


def test_without_pictures(toy: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    write_report(toy, None, out)
    found, card = page(out), read_card(toy)
    assert found.headings == SECTIONS
    assert "written without the data at hand" in found.text
    assert card["command"] in found.text
    assert all(digest in found.text for digest in card["dataset"]["sha256"].values())
    assert all(f"{version}" in found.text for version in card["libraries"].values())
    assert all(layer["name"] in found.text for layer in card["architecture"]["layers"])
    assert out.stat().st_size < 400_000


def test_with_pictures(toy: Path, spoilt: Dataset, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    write_report(toy, spoilt, out)
    found = page(out)
    assert found.headings == [*SECTIONS[:6], "Examples", *SECTIONS[6:]]
    assert "without the data" not in found.text
    pictures = [value for tag, name, value in found.attributes if (tag, name, value) == ("img", "class", "ink")]
    assert len(pictures) == 24 + 10 * 14


def test_nothing_lies_outside_the_page(toy: Path, spoilt: Dataset, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    write_report(toy, spoilt, out)
    html = out.read_text(encoding="utf-8")
    addresses = [value for _, name, value in Page(html).attributes if name in ("src", "href", "srcset", "action")]
    assert addresses
    assert all(address.startswith("data:image/png;base64,") for address in addresses)
    assert not re.search(r"https?://|url\(|@import|<script|<link", html)
    assert "prefers-color-scheme: dark" in html
    assert "@media print" in html


def test_the_same_page_each_time(toy: Path, tmp_path: Path) -> None:
    for name in ("a.html", "b.html"):
        write_report(toy, None, tmp_path / name)
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_before_the_version_has_a_card(toy: Path, tmp_path: Path) -> None:
    """As while it is being published: the card is known but for its files, and the page is to lie beside it."""
    directory = tmp_path / "staging"
    shutil.copytree(toy, directory)
    (directory / CARD).unlink()
    card = {key: value for key, value in read_card(toy).items() if key != "files"}
    write_report(directory, None, directory / "assets.extra" / "report.html", card=card)
    write_report(toy, None, tmp_path / "after.html")
    assert (directory / "assets.extra" / "report.html").read_bytes() == (tmp_path / "after.html").read_bytes()


def test_what_a_class_is_called_is_never_markup(toy: Path) -> None:
    model = load_served(toy)
    labels = ["<script>alert(1)</script>", *model.labels[1:]]
    test: dict[str, Any] = model.card["metrics"]["test"]
    rows = [{**row, "label": label} for row, label in zip(test["per_class"], labels, strict=True)]
    metrics = {**model.card["metrics"], "test": {**test, "per_class": rows}}
    html = report_page(ServedModel({**model.card, "labels": labels, "metrics": metrics}, model.signatures), None, 1)
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_a_card_from_before_there_were_bins(toy: Path) -> None:
    model = load_served(toy)
    test = {key: value for key, value in model.card["metrics"]["test"].items() if key not in ("reliability", "brier")}
    card = {**model.card, "metrics": {**model.card["metrics"], "test": test}}
    assert "does not tell its bins" in report_page(ServedModel(card, model.signatures), None, 1)


def test_it_cannot_be_written(toy: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be written: No such file"):
        write_report(toy, None, tmp_path / "nowhere" / "report.html")


def test_the_command(
    declared: DatasetSpec, idx_directory: Path, toy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report.html"
    arguments = ["report", "toy/1", "--models-dir", str(toy.parents[1]), "--out", str(out)]
    assert main([*arguments, "--data-dir", str(idx_directory)]) == 0
    assert "Examples" in page(out).headings
    assert f"{out}: " in capsys.readouterr().out
    assert main([*arguments, "--without-pictures"]) == 0
    assert "Examples" not in page(out).headings


def test_the_command_without_data(
    declared: DatasetSpec,
    toy: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Somebody without the data gets the page; somebody who says where they are, and is wrong, an error."""
    monkeypatch.setenv("DIGITS_DATA_DIR", str(tmp_path))
    arguments = ["report", "toy", "--models-dir", str(toy.parents[1]), "--out", str(tmp_path / "report.html")]
    assert main(arguments) == 0
    assert "The page is written without pictures." in capsys.readouterr().err
    assert "Examples" not in page(tmp_path / "report.html").headings
    assert main([*arguments, "--data-dir", str(tmp_path)]) == 2


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cnn", "mlp"])
def test_the_pages_of_the_shipped_models_are_small(name: str, tmp_path: Path) -> None:
    latest = ROOT / "models" / name / str(versions(ROOT / "models", name)[-1])
    verify(latest)
    write_report(latest, None, tmp_path / "report.html")
    assert page(tmp_path / "report.html").headings == SECTIONS
    assert (tmp_path / "report.html").stat().st_size < 400_000
