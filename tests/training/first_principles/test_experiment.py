"""The preset from first principles: what its ops say is what TensorFlow's say, and it is published like any other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from architectures.presets import preset
from training.cli import main
from training.data import DatasetSpec
from training.networks.build import build_served
from training.publish import verify
from training.run import predict


def test_scratch_is_the_network_of_tensorflows_own_ops(rng: np.random.Generator) -> None:
    model = build_served(preset("scratch"), (28, 28, 1))
    assert model.count_params() == 201_570
    for layer in model.layers:
        layer.set_weights([rng.normal(0.0, 0.1, weights.shape) for weights in layer.get_weights()])
    (kernel_1, bias_1), (kernel_2, bias_2), (kernel_3, bias_3), (kernel_4, bias_4) = (
        layer.get_weights() for layer in model.layers if layer.weights
    )
    pixels = rng.random((5, 28, 28, 1), dtype=np.float32)
    values = pixels
    for kernel, bias in ((kernel_1, bias_1), (kernel_2, bias_2)):
        values = tf.nn.max_pool2d(tf.nn.relu(tf.nn.conv2d(values, kernel, 1, "VALID") + bias), 3, 1, "VALID")
    hidden = tf.nn.relu(tf.reshape(values, (5, -1)) @ kernel_3 + bias_3)
    np.testing.assert_allclose(model(pixels), hidden @ kernel_4 + bias_4, rtol=1e-3, atol=1e-4)


@pytest.mark.slow
def test_it_is_trained_published_and_read_again(
    declared: DatasetSpec, idx_directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["first-principles", "--dataset", declared.name, "--data-dir", str(idx_directory)]
    arguments += ["--pictures", "100", "--epochs", "3", "--validation-size", "60", "--learning-rate", "0.002"]
    assert main([*arguments, "--publish", "--models-dir", str(tmp_path / "models")]) == 0
    published = tmp_path / "models" / "scratch" / "1"
    card = verify(published)
    assert card["architecture"]["parameters"] == 201_570
    assert card["dataset"]["train"] == 100
    assert card["command"] == (
        "python -m training first-principles --dataset toy --pictures 100 --batch-size 10 --epochs 3 "
        "--learning-rate 0.002 --seed 1 --validation-size 60 --publish"
    )
    assert [row["epoch"] for row in card["history"]] == [1, 2, 3]
    assert card["history"][2]["loss"] < card["history"][0]["loss"]
    shown = capsys.readouterr().out
    assert f"val_accuracy {card['history'][2]['val_accuracy']:.4f}" in shown
    assert f"{published}: {card['metrics']['test']['correct']} of 60 test pictures right" in shown
    loaded = tf.saved_model.load(str(published))
    for pictures in (1, 3):
        probabilities, _ = predict(loaded, np.zeros((pictures, 28, 28, 1), np.uint8))
        assert probabilities.shape == (pictures, 10)
        np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-5)


def test_the_demonstration_needs_no_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["first-principles", "--demo", "--data-dir", str(tmp_path / "nowhere")]) == 0
    shown = capsys.readouterr().out
    assert "gives 16 values: 41 57 40 26 49 35 59 55 57 35 37 36 64 50 30 45" in shown
    assert "gives 16 values: 1 4 7 6 2 8 14 12 2 8 14 12 1 4 7 6" in shown


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["--batch-size", "600"], "--batch-size 600 is more than the 500 --pictures"),
        (["--pictures", "300", "--validation-size", "60"], "--pictures 300 is more than the 240 pictures to train on"),
    ],
)
def test_what_cannot_be_done_is_said(
    declared: DatasetSpec, idx_directory: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], fault: str
) -> None:
    given = ["--dataset", declared.name, "--data-dir", str(idx_directory)]
    assert main(["first-principles", *given, *arguments]) == 2
    assert fault in capsys.readouterr().err
