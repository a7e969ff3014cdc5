"""Cards in, rows and tables out."""

from __future__ import annotations

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from training.compare.records import read_record, read_records, record_of, record_text, write_record
from training.compare.rows import Latency, Row, by_dataset, differing, flat, row_of
from training.compare.table import as_markdown, as_text, beside_the_best, document
from training.errors import ConfigurationError
from training.publish import read_card


def card(name: str, correct: int, **changes: Any) -> dict[str, Any]:
    test = {"accuracy": correct / 1000, "correct": correct, "total": 1000, "loss": 0.1, "ece": 0.01}
    return {
        "name": name,
        "version": 1,
        "seed": 7,
        "command": f"python -m training train --model {name}",
        "dataset": {"name": "mnist", "sha256": {"images": "ab"}, "train": 1, "validation": 1, "test": 1000},
        "architecture": {"name": name, "parameters": 1234, "macs": 56_789, "layers": [{"name": "dense1"}]},
        "hyperparameters": {"epochs": 2, "augmentation": {"shift_px": 1.0}},
        "history": [{"epoch": 1, "seconds": 2.0}, {"epoch": 2, "seconds": 4.0}],
        "metrics": {"test": test, "validation": {**test, "accuracy": 0.5, "mistakes": [1]}},
        "files": {"a": {"bytes": 1_500_000}, "b": {"bytes": 500_000}, "assets.extra/report.html": {"bytes": 9}},
        **changes,
    }


def rows() -> list[Row]:
    """The middle one and the best know their mistakes."""
    found = [
        row_of(record_of(card(name, correct))) for name, correct in (("worst", 900), ("best", 990), ("middle", 985))
    ]
    known = {"best": tuple(range(10)), "middle": tuple(range(15))}
    return [replace(row, mistakes=known.get(row.name)) for row in found]


def test_a_record_is_a_small_card(toy: Path) -> None:
    whole = read_card(toy)
    record = record_of(whole)
    variables = (
        "saved_model.pb",
        "fingerprint.pb",
        "variables/variables.index",
        "variables/variables.data-00000-of-00001",
    )
    assert record["size_bytes"] == sum(whole["files"][name]["bytes"] for name in variables)
    assert record["metrics"]["test"]["mistakes"] == whole["metrics"]["test"]["mistakes"]
    assert "layers" not in record["architecture"]
    assert len(record_text(record)) < 0.3 * len(json.dumps(whole))
    assert row_of(record) == row_of(record_of(record))


def test_a_record_is_read_as_it_was_written(toy: Path, tmp_path: Path) -> None:
    record = record_of(read_card(toy))
    path = write_record(record, tmp_path / "results")
    assert path.name == "toy.json"
    assert read_record(path) == record
    assert write_record(record, tmp_path / "results") == path
    assert read_records(tmp_path / "results") == [record]
    assert [entry.name for entry in path.parent.iterdir()] == ["toy.json"]


@pytest.mark.parametrize(
    ("content", "message"), [("{", "no readable record"), ("[]", "lacks name"), ('{"name": "x"}', "lacks version")]
)
def test_what_is_no_record(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(ConfigurationError, match=message):
        read_records(tmp_path)


def test_no_records(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="There is no record in"):
        read_records(tmp_path)


def test_a_row() -> None:
    row = row_of(record_of(card("cnn", 990)))
    assert (row.title, row.accuracy, row.validation_accuracy) == ("cnn/1", 0.99, 0.5)
    assert (row.size_bytes, row.epochs, row.seconds_per_epoch) == (2_000_000, 2, 3.0)
    assert row.hyperparameters == {"epochs": 2, "augmentation.shift_px": 1.0}
    assert row.interval.low < 0.99 < row.interval.high
    assert row_of(record_of(card("cnn", 990, history=[]))).seconds_per_epoch is None


def test_the_best_comes_first_and_is_what_the_others_are_compared_with() -> None:
    best, middle, worst = by_dataset(rows())["mnist"]
    assert (best.name, middle.name, worst.name) == ("best", "middle", "worst")
    assert best.against_best is None
    assert middle.against_best is not None
    assert middle.against_best.p_value == pytest.approx(2 * 0.5**5)
    assert worst.against_best is not None
    assert worst.against_best.p_value is None
    assert beside_the_best(best) == "best"
    assert beside_the_best(middle) == "−0.50 (p = 0.062), may be luck"
    assert beside_the_best(worst).startswith("−9.00 (−11.")
    assert not beside_the_best(worst).endswith("luck")


def test_other_pictures_are_never_paired() -> None:
    first, second, _ = by_dataset(rows())["mnist"]
    other = replace(second, dataset_sha256={"images": "cd"}, against_best=None)
    assert by_dataset([first, other])["mnist"][1].against_best.p_value is None  # type: ignore[union-attr]


def test_data_sets_are_kept_apart() -> None:
    fashion = row_of(record_of(card("cnn", 900, dataset={"name": "fashion_mnist"})))
    grouped = by_dataset([fashion, *rows()])
    assert list(grouped) == ["mnist", "fashion_mnist"]
    assert grouped["fashion_mnist"][0].against_best is None


def test_hyperparameters_that_differ() -> None:
    one = row_of(record_of(card("a", 1)))
    other = row_of(
        record_of(card("b", 1, hyperparameters={"epochs": 3, "augmentation": {"shift_px": 1.0}, "new": True}))
    )
    assert differing([one, other]) == {"epochs": [2, 3], "new": [None, True]}
    assert differing([one]) == {}


def test_flat() -> None:
    assert flat({"a": {"b": {"c": 1}, "d": 2}, "e": 3}) == {"a.b.c": 1, "a.d": 2, "e": 3}


def test_tables_have_every_row() -> None:
    console = Console(file=StringIO(), width=200)
    console.print(as_text(rows()))
    text, markdown = console.file.getvalue(), as_markdown(rows())  # type: ignore[attr-defined]
    for page in (text, markdown):
        for row in rows():
            assert row.title in page
        assert "56,789" in page
        assert "99.00%" in page
    assert "one picture" not in markdown
    assert markdown.count("python -m training train --model") == 3


def test_latency_has_columns_where_it_was_measured() -> None:
    first, second, third = rows()
    markdown = as_markdown([replace(first, latency=Latency(4.2e-4, 6.5e-5)), second, third])
    assert "| one picture | each of 128 |" in markdown
    assert "| 420 µs | 65.0 µs |" in markdown
    assert "| – | – |" in markdown


def test_many_models_are_rows_and_few_are_columns() -> None:
    few, many = Console(file=StringIO(), width=250), Console(file=StringIO(), width=250)
    few.print(as_text(rows()))
    many.print(as_text([row_of(record_of(card(f"model{i}", 900 + i))) for i in range(7)]))
    assert "best/1" in few.file.getvalue().splitlines()[2]  # type: ignore[attr-defined]
    assert "95 % interval" in many.file.getvalue().splitlines()[2]  # type: ignore[attr-defined]


def test_the_document_is_json() -> None:
    found = json.loads(json.dumps(document(rows())))
    best, middle, _ = found["mnist"]["rows"]
    assert best["against_best"] is None
    assert middle["against_best"]["significant"] is False
    assert best["accuracy_interval_95"]["low"] < 0.99
    assert found["mnist"]["differing_hyperparameters"] == {}
