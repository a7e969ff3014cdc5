"""The index of training examples that a version takes along, beside the Keras model that the version was made of."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from tests import toy_model
from tests.toy_model import toy_dataset
from training import neighbours
from training.evaluate.served import load_served
from training.neighbours import NEIGHBOURS, embedding_layer, training_positions, write_neighbours
from training.neighbours_choice import chosen_examples
from training.pipeline import split, to_pixels
from training.publish import CARD, read_card, verify

pytestmark = pytest.mark.slow

Arrays = Mapping[str, NDArray[Any]]


def index_in(version: Path) -> Arrays:
    with np.load(version / NEIGHBOURS, allow_pickle=False) as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def index(toy: Path) -> Arrays:
    return index_in(toy)


@pytest.fixture
def unfinished(toy: Path, tmp_path: Path) -> Path:
    """A copy of the toy without index and card, as while it is being published."""
    copy = tmp_path / "copy"
    shutil.copytree(toy, copy)
    (copy / NEIGHBOURS).unlink()
    (copy / CARD).unlink()
    return copy


def test_a_version_is_published_with_it(toy: Path, index: Arrays) -> None:
    assert NEIGHBOURS.as_posix() in verify(toy)["files"]
    assert (toy / NEIGHBOURS).stat().st_size <= neighbours.LIMIT_BYTES
    assert (str(index["dataset"]), str(index["split"]), str(index["layer"])) == ("toy", "train", "flatten1")
    counts = {len(array) for array in index.values() if array.ndim}
    assert len(counts) == 1
    assert counts.pop() > 500


def test_positions_are_those_of_the_pictures_that_were_trained_on(toy: Path) -> None:
    dataset, card = toy_dataset(), read_card(toy)
    training, _, _ = split(dataset, card["dataset"]["validation"])
    positions = training_positions(dataset, card)
    assert (dataset.x_train[positions] == training.images).all()
    assert (dataset.y_train[positions] == training.labels).all()
    fewer = {"dataset": {**card["dataset"], "train": 7}}
    assert (training_positions(dataset, fewer) == positions[:7]).all()


def test_each_example_is_where_it_says(index: Arrays) -> None:
    dataset = toy_dataset()
    assert (dataset.x_train[index["positions"]] == index["thumbnails"]).all()
    assert (dataset.y_train[index["positions"]] == index["labels"]).all()
    assert len(set(index["positions"].tolist())) == len(index["positions"])


def test_directions_are_those_of_what_keras_gives_before_the_logits(index: Arrays) -> None:
    training, _, _ = split(toy_dataset(), 200)
    model = toy_model._fit_in_closed_form(training.images, training.labels, 0)
    before = keras.Model(model.inputs, model.get_layer(str(index["layer"])).output)
    embeddings = before(to_pixels(index["thumbnails"])).numpy()
    expected = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    assert index["directions"].dtype == np.float16
    assert np.allclose(index["directions"], expected, atol=1e-3)
    # What it is for: how alike two pictures are.
    stored = index["directions"].astype(np.float32)
    assert np.allclose(expected @ stored.T, expected @ expected.T, atol=1e-3)


def test_the_same_file_each_time(toy: Path, unfinished: Path) -> None:
    write_neighbours(unfinished, toy_dataset(), load_served(unfinished, read_card(toy)))
    assert (unfinished / NEIGHBOURS).read_bytes() == (toy / NEIGHBOURS).read_bytes()


def test_it_stays_within_its_limit(toy: Path, unfinished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "LIMIT_BYTES", 60_000)
    write_neighbours(unfinished, toy_dataset(), load_served(unfinished, read_card(toy)))
    assert 30_000 < (unfinished / NEIGHBOURS).stat().st_size <= 60_000
    assert set(index_in(unfinished)["labels"].tolist()) == set(range(10))


def test_wide_embeddings_are_of_fewer_pictures(toy: Path, unfinished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset, card = toy_dataset(), read_card(toy)
    monkeypatch.setattr(neighbours, "_EMBEDDED_BYTES", 4 * 1152 * 50)
    write_neighbours(unfinished, dataset, load_served(unfinished, card))
    assert set(index_in(unfinished)["positions"].tolist()) <= set(training_positions(dataset, card)[:50].tolist())


def test_without_a_layer_before_the_logits_there_is_none(toy: Path, unfinished: Path) -> None:
    card = read_card(toy)
    alone = {**card, "architecture": {**card["architecture"], "layers": card["architecture"]["layers"][-1:]}}
    assert embedding_layer(alone) is None
    write_neighbours(unfinished, toy_dataset(), load_served(unfinished, alone))
    assert not (unfinished / NEIGHBOURS).exists()


def test_a_class_without_pictures_is_left_out(toy: Path, unfinished: Path) -> None:
    dataset = toy_dataset()
    without = replace(dataset, y_train=np.where(dataset.y_train == 3, 4, dataset.y_train).astype(np.uint8))
    write_neighbours(unfinished, without, load_served(unfinished, read_card(toy)))
    assert set(index_in(unfinished)["labels"].tolist()) == set(range(10)) - {3}


# --- the choice


def circle(degrees: NDArray[np.float64]) -> NDArray[np.float32]:
    radians = np.deg2rad(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def test_the_ordinary_ones_lie_spread_out(rng: np.random.Generator) -> None:
    # Of 300 examples nearly all lie in one place, ten alone: a choice at random would miss most of these.
    degrees = np.concatenate([rng.uniform(0, 1, 290), np.linspace(20, 180, 10)])
    logits = np.zeros((300, 2), np.float32)
    logits[:, 0] = rng.uniform(1, 2, 300)
    chosen, strange = chosen_examples(circle(degrees), np.zeros(300, np.uint8), logits, 30)
    assert len(chosen) == 30
    assert len(set(chosen.tolist())) == 30
    assert set(range(290, 300)) <= set(chosen.tolist())
    assert strange.sum() == 3
    assert set(chosen[strange].tolist()) == set(np.argsort(logits[:, 0])[:3].tolist())


def test_what_is_read_wrongly_is_taken_where_there_is_nothing_else(rng: np.random.Generator) -> None:
    labels = np.repeat([0, 1], 100).astype(np.uint8)
    logits = np.zeros((200, 2), np.float32)
    logits[:, 0] = 1.0  # takes everything for 0
    logits[:60, 1] = 2.0  # but these for 1
    chosen, _ = chosen_examples(circle(rng.uniform(0, 360, 200)), labels, logits, 40)
    assert (np.bincount(labels[chosen]) == 20).all()
    assert chosen[labels[chosen] == 0].min() >= 60


def test_examples_that_are_all_alike(rng: np.random.Generator) -> None:
    chosen, strange = chosen_examples(
        circle(np.full(50, 7.0)), np.zeros(50, np.uint8), np.eye(2, dtype=np.float32)[[0] * 50], 20
    )
    assert len(chosen) == 3
    assert strange.sum() == 2
