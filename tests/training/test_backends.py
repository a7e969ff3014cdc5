"""Steps taken by Keras on JAX: the same run as on TensorFlow, published by the same code."""

from __future__ import annotations

import copy
import io
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from rich.console import Console

from tests.toy_model import toy_dataset
from training.backends import fit_on_jax, require_jax
from training.checkpoints import Checkpoint, run_directory
from training.errors import ConfigurationError, RunInterruptedError
from training.publish import read_card
from training.recipes import recipe
from training.run import train_and_publish

ROOT = Path(__file__).resolve().parents[2]

# No dropout, whose numbers each backend draws in its own way.
FFNN = replace(recipe("ffnn"), epochs=2, batch_size=50, validation_size=100, schedule="cosine")


@pytest.mark.slow
def test_jax_takes_the_same_steps_as_tensorflow(tmp_path: Path) -> None:
    dataset, console = toy_dataset(), Console(file=io.StringIO())
    fit_on_jax(FFNN, dataset, tmp_path / "runs", console, fresh=False)
    on_jax = train_and_publish(FFNN, dataset, tmp_path / "jax", console, runs_dir=tmp_path / "runs").directory
    on_tensorflow = train_and_publish(FFNN, dataset, tmp_path / "tensorflow", console).directory

    card, other = read_card(on_jax), read_card(on_tensorflow)
    assert (card["backend"], "backend" in other) == ("jax", False)
    assert card["command"] == f"{other['command']} --backend jax"
    assert [epoch["epoch"] for epoch in card["history"]] == [1, 2]
    assert not list((tmp_path / "runs").iterdir())
    for signature in ("filters", "untrained_activations"):
        inputs = {} if signature == "filters" else {"images": tf.constant(dataset.x_test[:20])}
        ours, theirs = (tf.saved_model.load(str(at)).signatures[signature](**inputs) for at in (on_jax, on_tensorflow))
        for name, values in ours.items():
            np.testing.assert_allclose(values, theirs[name], atol=2e-3, err_msg=f"{signature} {name}")


@pytest.mark.slow
def test_a_run_goes_on_where_it_was(tmp_path: Path) -> None:
    # Dropout, batch normalisation, averaged weights, moments.
    config = replace(recipe("mlp"), epochs=2, batch_size=50, validation_size=100, rare_share=0.0, outlier_share=0.1)
    dataset, console = toy_dataset(), Console(file=io.StringIO())
    half = tmp_path / "half"
    fit_on_jax(config, dataset, half, console, fresh=False)
    checkpoint = Checkpoint(run_directory(half, config, dict(dataset.spec.sha256)))
    before = checkpoint.path.read_bytes()
    fit_on_jax(config, dataset, half, console, fresh=False)  # nothing is left to do
    assert checkpoint.path.read_bytes() == before
    published = train_and_publish(config, dataset, tmp_path / "models", console, runs_dir=half).directory
    card = read_card(published)
    assert card["backend"] == "jax"
    assert card["metrics"]["validation"]["accuracy"] == pytest.approx(card["history"][-1]["val_accuracy"], abs=0.02)


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"report_every": 5}, "--report-every"), ({"model": "scratch"}, "TensorFlow's ops")],
)
def test_what_jax_cannot_do_is_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        require_jax(replace(FFNN, **changes), 10)  # type: ignore[arg-type]


def test_without_jax_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match=re.escape("jax[cuda12]")):
        require_jax(FFNN, 10)


def test_the_command_line_knows_backends() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "training", "train", "--model", "cnn", "--backend", "torch"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "--backend" in done.stderr
    assert "jax" in done.stderr


def test_an_interruption_survives_the_way_between_processes() -> None:
    error = copy.deepcopy(RunInterruptedError(3, "kept"))  # as pickle does
    assert (error.epochs_done, str(error)) == (3, "kept")
