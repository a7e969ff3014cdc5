"""A published model beside data that suit it and data that do not."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from sklearn.metrics import f1_score

from tests.toy_model import toy_dataset
from training.data import Dataset
from training.errors import ConfigurationError, PublishError
from training.evaluate.evaluation import Evaluation, evaluate
from training.evaluate.parts import learned_from, part_for
from training.evaluate.served import ServedModel, load_served
from training.evaluate.show import as_markdown, as_text


@pytest.fixture(scope="module")
def model(toy: Path) -> ServedModel:
    return load_served(toy)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    """That of the toy model, a fifth of its test part noise, so that there are mistakes."""
    dataset = toy_dataset()
    images = dataset.x_test.copy()
    images[::5] = np.random.default_rng(7).integers(0, 255, images[::5].shape, dtype=np.uint8)
    return replace(dataset, x_test=images)


@pytest.fixture(scope="module")
def evaluation(model: ServedModel, dataset: Dataset) -> Evaluation:
    return evaluate(model, dataset)


def test_the_figures_are_those_on_the_card(model: ServedModel) -> None:
    for part in ("test", "validation"):
        assert evaluate(model, toy_dataset(), part).metrics == model.card["metrics"][part]


def test_classes_are_found_by_their_names(model: ServedModel) -> None:
    """A data set with the classes in another order, and not all of them."""
    dataset = toy_dataset()
    chosen = np.flatnonzero(dataset.y_test < 4)
    turned = replace(
        dataset,
        spec=replace(dataset.spec, labels=("3", "2", "1", "0")),
        x_test=dataset.x_test[chosen],
        y_test=(3 - dataset.y_test[chosen]).astype(np.uint8),
        x_train=dataset.x_train[np.flatnonzero(dataset.y_train < 4)],
        y_train=(3 - dataset.y_train[dataset.y_train < 4]).astype(np.uint8),
    )
    assert np.array_equal(part_for(model, turned, "test").labels, dataset.y_test[chosen])
    assert evaluate(model, turned).metrics["accuracy"] > 0.95


def test_pictures_of_another_size(model: ServedModel, dataset: Dataset) -> None:
    small = replace(dataset, x_test=dataset.x_test[:, :14, :14])
    with pytest.raises(
        ConfigurationError, match=r"toy/1 takes pictures of 28 × 28 × 1, and those of toy are 14 × 14 × 1"
    ):
        part_for(model, small, "test")


def test_pictures_in_colour(model: ServedModel, dataset: Dataset) -> None:
    colour = replace(dataset, x_test=np.repeat(dataset.x_test, 3, axis=3))
    with pytest.raises(ConfigurationError, match="are 28 × 28 × 3"):
        part_for(model, colour, "test")


def test_classes_that_it_does_not_know(model: ServedModel, dataset: Dataset) -> None:
    strange = replace(dataset, spec=replace(dataset.spec, labels=(*"012345678", "boot")))
    with pytest.raises(ConfigurationError, match=r"does not know 'boot' of toy; its classes are: 0, 1"):
        part_for(model, strange, "test")
    many = replace(dataset, spec=replace(dataset.spec, labels=tuple(f"c{i}" for i in range(10))))
    with pytest.raises(ConfigurationError, match="'c4' and 5 more classes"):
        part_for(model, many, "test")


def test_data_of_somebodys_own_are_to_be_named(model: ServedModel) -> None:
    with pytest.raises(ConfigurationError, match=r"toy/1 learned from data of somebody's own, toy; say by --dataset"):
        learned_from(model.card)
    assert learned_from({**model.card, "dataset": {"name": "mnist"}}) == "mnist"


def test_the_worst_mistakes(evaluation: Evaluation) -> None:
    worst = evaluation.worst(7)
    assert len(worst) == 7
    assert [mistake.loss for mistake in worst] == sorted((mistake.loss for mistake in worst), reverse=True)
    for mistake in worst:
        row = evaluation.probabilities[mistake.index]
        assert mistake.true == evaluation.labels[evaluation.pictures.labels[mistake.index]] != mistake.predicted
        assert mistake.confidence == row.max()
        assert np.exp(-mistake.loss) == pytest.approx(mistake.of_truth, rel=1e-4)
    # The noise came first, and there is no worse one among those left out.
    assert all(mistake.index % 5 == 0 for mistake in worst)
    assert len(evaluation.worst(10_000)) == len(evaluation.metrics["mistakes"])
    assert evaluation.losses[evaluation.metrics["mistakes"]].max() == worst[0].loss


def test_the_means_over_classes(evaluation: Evaluation) -> None:
    predicted = evaluation.probabilities.argmax(axis=1)
    assert evaluation.macro["f1"] == pytest.approx(f1_score(evaluation.pictures.labels, predicted, average="macro"))
    rows = evaluation.metrics["per_class"]
    assert evaluation.macro["recall"] == pytest.approx(np.mean([row["recall"] for row in rows]))


def test_the_document_has_all_of_it(evaluation: Evaluation) -> None:
    document = evaluation.document(mistakes=3)
    low, high = document["accuracy_interval_95"]
    assert low < document["accuracy"] < high
    assert len(document["worst"]) == 3
    assert {"loss", "ece", "brier", "reliability", "confusion_matrix", "per_class", "macro"} <= set(document)


def test_as_text_and_markdown(evaluation: Evaluation) -> None:
    console = Console(file=StringIO(), width=120)
    console.print(as_text(evaluation))
    text, markdown = console.file.getvalue(), as_markdown(evaluation)  # type: ignore[attr-defined]
    right = f"{evaluation.metrics['correct']} of 200"
    for page in (text, markdown):
        assert "toy/1 on the test part of toy" in page
        assert right in page
        for section in ("Classes", "Confusion", "Calibration", "Worst mistakes"):
            assert section in page
    tables = [line for line in markdown.splitlines() if line.startswith("|")]
    assert sum(line.startswith("| ---") for line in tables) == 4


def test_a_file_that_has_changed(toy: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "1"
    shutil.copytree(toy, copy)
    (copy / "saved_model.pb").write_bytes(b"nothing")
    with pytest.raises(PublishError, match="saved_model.pb has changed"):
        load_served(copy)
    with pytest.raises(PublishError, match="cannot be loaded"):
        load_served(copy, card={})


def test_no_pictures_no_probabilities(model: ServedModel) -> None:
    assert model.probabilities(np.zeros((0, 28, 28, 1), np.uint8)).shape == (0, 10)


def test_the_filters(model: ServedModel) -> None:
    assert model.filters()["conv1/kernel"].shape == (5, 5, 1, 8)
    assert ServedModel(model.card, {}).filters() == {}
