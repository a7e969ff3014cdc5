from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from training.cli import main
from training.compare.page import picture_path, results_page
from training.compare.records import read_records, record_of, write_record
from training.compare.rows import by_dataset, row_of
from training.compare.stopwatch import measure
from training.errors import PublishError
from training.publish import read_card, versions

if TYPE_CHECKING:
    from collections.abc import Callable

    from training.data import DatasetSpec

    CopyToy = Callable[..., Path]

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
RECORDS, PAGE = ROOT / "docs" / "results", ROOT / "docs" / "results.md"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory, copy_toy: CopyToy) -> Path:
    directory = tmp_path_factory.mktemp("models")
    for name, version in (("toy", 1), ("toy", 2), ("other", 1)):
        copy_toy(directory, name, version)
    return directory


def test_the_latest_of_every_model(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "--models-dir", str(models), "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)["toy"]["rows"]
    assert {(row["name"], row["version"]) for row in found} == {("toy", 2), ("other", 1)}


def test_versions_and_a_file(models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "table.md"
    assert (
        main(
            ["compare", "toy/1", "toy", "toy/2", "--models-dir", str(models), "--format", "markdown", "--out", str(out)]
        )
        == 0
    )
    assert capsys.readouterr().out == ""
    rows = [line for line in out.read_text().splitlines() if line.startswith("| `toy/")]
    assert len(rows) == 2


def test_text_into_a_file(models: Path, tmp_path: Path) -> None:
    out = tmp_path / "table.txt"
    assert main(["compare", "--models-dir", str(models), "--out", str(out)]) == 0
    assert "other/1" in out.read_text()
    assert "\x1b" not in out.read_text()


def test_scored_anew(
    models: Path, declared: DatasetSpec, idx_directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "accuracy.png"
    arguments = ["--models-dir", str(models), "--dataset", declared.name, "--data-dir", str(idx_directory)]
    assert main(["compare", *arguments, "--format", "json", "--picture", str(picture)]) == 0
    best, other = json.loads(capsys.readouterr().out)["toy"]["rows"]
    assert (best["total"], other["total"]) == (60, 60)
    assert other["against_best"]["p_value"] is not None
    assert best["dataset_sha256"] == dict(declared.sha256)
    with Image.open(picture) as drawn:
        assert drawn.width > drawn.height > 300


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--records", "x", "--latency"], "--records compares what was recorded"),
        (["cnn", "--records", "x"], "--records compares what was recorded"),
        (["--page", "x.md"], "--page is made of --records"),
        (["--data-dir", "x"], "--data-dir needs a --dataset"),
        (["--picture", "x.txt"], "a picture ends in one of"),
        (["--records", "nowhere"], "There is no record in nowhere"),
    ],
)
def test_what_makes_no_sense(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", *arguments]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.slow
def test_latency_is_measured_in_a_process_of_its_own(models: Path) -> None:
    taken = measure(models / "toy" / "1")
    assert 0.0 < taken.batch_seconds_per_picture < taken.one_seconds < 1.0


def test_what_cannot_be_timed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(PublishError, match="cannot be timed: exit code 1"):
        measure(tmp_path)


def test_a_page_and_its_pictures(models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records, page = tmp_path / "results", tmp_path / "results.md"
    for name in ("toy", "other"):
        write_record(record_of(read_card(models / name / "1")), records)
    assert main(["compare", "--records", str(records), "--page", str(page)]) == 0
    assert page.read_text() == results_page(read_records(records))
    assert capsys.readouterr().out.splitlines() == [str(page), str(records / "toy.png")]
    assert "![" in page.read_text()
    assert (tmp_path / picture_path("toy")).is_file()


def test_experiments_lists_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["experiments", "--list", "--dataset", "fashion_mnist", "--model", "cnn", "mlp"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" --seed")[0] for line in lines] == [
        f"python -m training train --model {model} --dataset fashion_mnist" for model in ("cnn", "mlp")
    ]


def test_experiments_that_do_not_exist(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["experiments", "--model", "resnet"]) == 2
    assert "There is no such experiment" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["experiments", "--data-dir", "mnist"])
    assert "is not of the form DATASET=DIR" in capsys.readouterr().err


def test_the_page_of_results_is_what_the_records_say() -> None:
    """`python -m training compare --records docs/results --page docs/results.md` makes it anew."""
    records = read_records(RECORDS)
    assert PAGE.read_text(encoding="utf-8") == results_page(records)
    for dataset in by_dataset([row_of(record) for record in records]):
        assert (PAGE.parent / picture_path(dataset)).is_file()


@pytest.mark.parametrize("name", ["cnn", "mlp"])
def test_the_models_in_service_are_on_the_page(name: str) -> None:
    """`python -m training experiments --model cnn mlp --dataset mnist` puts them there."""
    record = next(record for record in read_records(RECORDS) if record["name"] == name)
    assert record["version"] in versions(ROOT / "models", name)
    assert record == record_of(read_card(ROOT / "models" / name / str(record["version"])))


def test_commands_start_without_tensorflow() -> None:
    code = "import sys, training.cli; print([name for name in ('tensorflow', 'matplotlib', 'sklearn', 'scipy') if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
