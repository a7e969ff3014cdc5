"""Which version answers once a new one is published: every case, on real directories with real labels."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from training.errors import PromotionError
from training.promote import Request, promote, read_labels
from training.publish import publish
from training.succession import Succession, compare_scores

if TYPE_CHECKING:
    from pathlib import Path

MNIST = {"name": "mnist", "sha256": {"images": "00"}, "test": 10_000}


def card_of(wrong: int, *, paired: bool = True, first_mistake: int = 0, **dataset: Any) -> dict[str, Any]:
    test: dict[str, Any] = {"accuracy": 1 - wrong / 10_000, "correct": 10_000 - wrong, "total": 10_000}
    if paired:
        test["mistakes"] = list(range(first_mistake, first_mistake + wrong))
    return {"dataset": MNIST | dataset, "metrics": {"test": test}}


def add(models: Path, card: dict[str, Any]) -> tuple[int, list[str]]:
    """Publish a version with this card in the way `train` does."""
    succession = Succession(models, "cnn")

    def fill(directory: Path) -> dict[str, Any]:
        (directory / "saved_model.pb").write_bytes(b"weights")
        succession.prepare(card)
        return card

    version = int(publish(models, "cnn", fill).name)
    return version, succession.conclude(version)


def labels(models: Path) -> dict[str, int]:
    return read_labels(models / "cnn")


def test_the_first_version_needs_no_words(tmp_path: Path) -> None:
    assert add(tmp_path, card_of(50)) == (1, [])
    assert labels(tmp_path) == {}


@pytest.mark.parametrize("wrong", [30, 50, 52])
def test_not_worse_and_no_label_answers_as_the_latest(tmp_path: Path, wrong: int) -> None:
    add(tmp_path, card_of(50))
    _, (line,) = add(tmp_path, card_of(wrong))
    assert labels(tmp_path) == {}
    assert "not worse beyond chance" in line
    assert "cnn/2 answers from now on: it answers as the latest" in line


def test_not_worse_takes_the_label_over(tmp_path: Path) -> None:
    add(tmp_path, card_of(50))
    promote(tmp_path, Request("cnn", 1, "stable"))
    _, (line,) = add(tmp_path, card_of(49))
    assert labels(tmp_path) == {"stable": 2}
    assert "stable has moved from cnn/1 to it" in line


def test_worse_and_no_label_puts_the_label_on_the_one_that_answered(tmp_path: Path) -> None:
    add(tmp_path, card_of(50))
    _, lines = add(tmp_path, card_of(150))
    assert labels(tmp_path) == {"stable": 1}
    assert "-1.00 points, 95 % interval -1." in lines[0]
    assert "McNemar's exact test" in lines[0]
    assert "cnn/1 is labelled stable and goes on answering" in lines[0]
    command = f"python -m training promote --model cnn --version 2 --label stable --models-dir {tmp_path}"
    assert command in lines[1]


def test_worse_leaves_the_label_where_it_is(tmp_path: Path) -> None:
    add(tmp_path, card_of(50))
    promote(tmp_path, Request("cnn", 1, "stable"))
    add(tmp_path, card_of(150))
    assert labels(tmp_path) == {"stable": 1}


def test_the_one_to_beat_is_the_stable_one_and_not_the_latest(tmp_path: Path) -> None:
    add(tmp_path, card_of(50))
    add(tmp_path, card_of(150))
    add(tmp_path, card_of(140))
    assert labels(tmp_path) == {"stable": 1}
    add(tmp_path, card_of(45))
    assert labels(tmp_path) == {"stable": 4}


def test_the_label_is_there_before_the_worse_version(tmp_path: Path) -> None:
    add(tmp_path, card_of(50))
    succession = Succession(tmp_path, "cnn")
    succession.prepare(card_of(150))
    assert labels(tmp_path) == {"stable": 1}


def test_a_version_that_is_tried_out_does_not_answer(tmp_path: Path) -> None:
    add(tmp_path, card_of(50))
    add(tmp_path, card_of(60))
    promote(tmp_path, Request("cnn", 2, "canary"))
    add(tmp_path, card_of(150))
    assert labels(tmp_path) == {"canary": 2, "stable": 1}


def test_a_damaged_version_does_not_answer(tmp_path: Path) -> None:
    add(tmp_path, card_of(50))
    add(tmp_path, card_of(40))
    (tmp_path / "cnn" / "2" / "saved_model.pb").write_bytes(b"other weights")
    add(tmp_path, card_of(150))
    assert labels(tmp_path) == {"stable": 1}


@pytest.mark.parametrize("other", [{"name": "fashion_mnist"}, {"sha256": {"images": "01"}}, {"test": 500}])
def test_other_data_are_never_compared_and_never_take_over(tmp_path: Path, other: dict[str, Any]) -> None:
    add(tmp_path, card_of(50))
    _, lines = add(tmp_path, card_of(1, **other))
    assert labels(tmp_path) == {"stable": 1}
    assert "cannot be compared" in lines[0]


def test_a_card_without_a_score(tmp_path: Path) -> None:
    add(tmp_path, {"dataset": MNIST})
    _, lines = add(tmp_path, card_of(50))
    assert "has no score to compare with" in lines[0]
    assert labels(tmp_path) == {"stable": 1}


def test_labels_that_cannot_be_read_are_said_before_training_and_lose_nothing_after_it(tmp_path: Path) -> None:
    add(tmp_path, card_of(50))
    (tmp_path / "cnn" / "labels.json").write_text(json.dumps({"stable": "one"}))
    with pytest.raises(PromotionError):
        Succession(tmp_path, "cnn").check()
    version, lines = add(tmp_path, card_of(150))
    assert version == 2
    assert "labels are as they were" in lines[0]


def test_pairs_find_a_difference_that_counts_alone_do_not() -> None:
    mine, theirs = card_of(62)["metrics"]["test"], card_of(50)["metrics"]["test"]
    comparison, test = compare_scores(mine, theirs)  # the same 50 mistakes, and 12 more
    assert comparison.significant
    assert test == "McNemar's exact test"
    del theirs["mistakes"]
    comparison, test = compare_scores(mine, theirs)
    assert not comparison.significant
    assert test == "Newcombe's interval, unpaired"
