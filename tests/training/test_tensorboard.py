"""The logs, read back as TensorBoard reads them: records, events, tensors with the plugin that shows them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from rich.console import Console

from tests.toy_model import toy_dataset
from training.fit import Fitted, fit, make_repeatable
from training.networks.build import build_trained
from training.pipeline import split, to_pixels
from training.recipes import recipe
from training.tensorboard import tensorboard_callbacks
from training.tensorboard.pictures import first_kernels, mosaic

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

CONFIG = replace(recipe("lenet5"), epochs=2, batch_size=32, validation_size=80, schedule="cosine")
LABELS = tuple("0123456789")


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Fitted]:
    directory = tmp_path_factory.mktemp("logs")
    parts = split(toy_dataset(240, 20), CONFIG.validation_size)
    make_repeatable(1)
    callbacks = tensorboard_callbacks(directory, LABELS)(parts)
    fitted = fit(CONFIG.architecture(10), *parts[:2], CONFIG, Console(quiet=True), callbacks=callbacks)
    return directory, fitted


def events(directory: Path, part: str) -> list[Any]:
    (path,) = (directory / part).glob("events.out.tfevents.*")
    return [tf.compat.v1.Event.FromString(record.numpy()) for record in tf.data.TFRecordDataset(str(path))]


def values(directory: Path, part: str, plugin: str) -> dict[tuple[str, int], Any]:
    """What a plugin has to show, by name and epoch."""
    return {
        (value.tag, event.step): tf.make_ndarray(value.tensor)
        for event in events(directory, part)
        for value in event.summary.value
        if value.metadata.plugin_data.plugin_name == plugin
    }


def test_curves(logged: tuple[Path, Fitted]) -> None:
    directory, fitted = logged
    train, validation = values(directory, "train", "scalars"), values(directory, "validation", "scalars")
    for row in fitted.history:
        for name in ("loss", "accuracy"):
            assert train[name, int(row["epoch"])] == pytest.approx(row[name], abs=1e-5)
            assert validation[name, int(row["epoch"])] == pytest.approx(row[f"val_{name}"], abs=1e-5)
    assert train["learning_rate", 1] == pytest.approx(CONFIG.learning_rate / 2)
    assert train["learning_rate", 2] == pytest.approx(0.0, abs=1e-9)


def test_the_graph_is_that_of_the_model(logged: tuple[Path, Fitted]) -> None:
    graphs = [event.graph_def for event in events(logged[0], "train") if event.graph_def]
    operations = {node.op for node in tf.compat.v1.GraphDef.FromString(graphs[0]).node}
    assert {"Conv2D", "AvgPool", "MatMul", "Sigmoid"} <= operations


def test_histograms_count_every_weight(logged: tuple[Path, Fitted]) -> None:
    directory, fitted = logged
    found = values(directory, "train", "histograms")
    for weight in fitted.model.weights:
        buckets = found[weight.path, 2]  # (bins, 3): left, right, count
        assert buckets[:, 2].sum() == weight.numpy().size
        assert (buckets[1:, 0] == buckets[:-1, 1]).all()
        assert (buckets[0, 0], buckets[-1, 1]) == pytest.approx((weight.numpy().min(), weight.numpy().max()))


def test_kernels_are_a_picture(logged: tuple[Path, Fitted]) -> None:
    directory, fitted = logged
    width, height, png = values(directory, "train", "images")["first kernels", 2]
    picture = tf.io.decode_png(png).numpy()
    assert picture.shape == (int(height), int(width), 1)
    expected = first_kernels(fitted.model)
    assert expected is not None
    assert (picture == expected).all()
    kernel = fitted.model.get_layer("conv1").get_weights()[0]  # (5, 5, 1, 6)
    times = 64 // 5
    first = picture[1 : 1 + 5 * times : times, 1 : 1 + 5 * times : times, 0].astype(float)
    scaled = 127.5 + 127.5 * kernel[:, :, 0, 0] / np.abs(kernel[:, :, 0, 0]).max()
    assert np.abs(first - scaled).max() <= 0.51


def test_the_projector_has_a_row_and_a_tile_for_each_picture(logged: tuple[Path, Fitted]) -> None:
    directory, fitted = logged
    validation = split(toy_dataset(240, 20), CONFIG.validation_size)[1]
    vectors = np.loadtxt(directory / "tensors.tsv", delimiter="\t")
    assert vectors.shape == (80, 84)
    model = keras.Model(fitted.model.inputs, fitted.model.layers[-1].input)
    assert vectors == pytest.approx(np.asarray(model(to_pixels(validation.images), training=False)), rel=1e-3, abs=1e-5)
    head, *rows = (directory / "metadata.tsv").read_text(encoding="utf-8").splitlines()
    assert head == "label\tread as"
    assert [row.split("\t")[0] for row in rows] == [LABELS[label] for label in validation.labels]
    sprite = tf.io.decode_png((directory / "sprite.png").read_bytes()).numpy()
    assert sprite.shape == (9 * 28, 9 * 28, 1)
    assert (sprite[28:56, :28] == validation.images[9]).all()


def test_the_projector_finds_its_files(logged: tuple[Path, Fitted]) -> None:
    config = (logged[0] / "projector_config.pbtxt").read_text(encoding="utf-8")
    for name in re.findall(r'_path: "(.+)"', config):
        assert (logged[0] / name).is_file()
    assert re.findall(r"single_image_dim: (\d+)", config) == ["28", "28"]


def test_units_on_pixels_are_shown_as_pictures() -> None:
    model = build_trained(recipe("mlp-5").architecture(10), (6, 4, 3))
    picture = first_kernels(model)
    assert picture is not None
    assert picture.shape == (3 * (6 * 10 + 2), 3 * (4 * 10 + 2), 3)


def test_a_mosaic_is_read_row_by_row() -> None:
    tiles = np.arange(1, 6).reshape(5, 1, 1, 1)
    assert mosaic(tiles)[..., 0].tolist() == [[1, 2, 3], [4, 5, 0], [0, 0, 0]]
    assert mosaic(tiles[:1]).shape == (1, 1, 1)
