"""Small real models, pictures, and what TensorFlow's own loader says to them: the measure for engine and service.

    python -m tests.reference <directory>      writes <directory>/models, reference.npz and signatures.npz

In a process of its own, so that neither TensorFlow nor Keras comes into pytest's.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tests.processes import run_python

PICTURES = 300
CALLED_PICTURES = 5
EXPLANATIONS = ("saliency", "smoothgrad", "integrated_gradients", "occlusion", "grad_cam")
VERSIONS = {("toy", 1): 0, ("toy", 2): 1, ("other", 1): 2}
"""(model, version) and the seed of its weights: the same digits, other probabilities."""


@dataclass(frozen=True)
class Reference:
    """`models_dir` holds `VERSIONS`; `images` uint8 (300, 28, 28, 1) of seven-segment digits, `labels` uint8 (300)."""

    models_dir: Path
    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.uint8]
    probabilities: dict[tuple[str, int], npt.NDArray[np.float32]]
    """(300, 10) for each version."""
    energy: dict[tuple[str, int], npt.NDArray[np.float32]]
    """(300) for each version."""

    def distinct(self, key: tuple[str, int], count: int) -> npt.NDArray[np.intp]:
        """Positions of `count` pictures that `key` tells apart: each two answers differ by more than 0.001 somewhere."""
        probabilities = self.probabilities[key]
        found: list[int] = []
        for at, row in enumerate(probabilities):
            if all(np.abs(row - probabilities[other]).max() > 1e-3 for other in found):
                found.append(at)
        assert len(found) >= count, f"only {len(found)}"
        return np.array(found[:count])


def make_reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """The reference of this run of pytest, whichever room asks first; for a fixture of the whole session."""
    directory = tmp_path_factory.getbasetemp() / "reference"
    if not (directory / "reference.npz").exists():
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir()
        ran = run_python(["-m", "tests.reference", str(directory)])
        assert ran.returncode == 0, ran.stderr
    return read_reference(directory)


def read_reference(directory: Path) -> Reference:
    """What `python -m tests.reference` has written."""
    with np.load(directory / "reference.npz", allow_pickle=False) as arrays:
        return Reference(
            directory / "models",
            arrays["images"],
            arrays["labels"],
            {(name, version): arrays[f"{name}-{version}-probabilities"] for name, version in VERSIONS},
            {(name, version): arrays[f"{name}-{version}-energy"] for name, version in VERSIONS},
        )


def read_signature(directory: Path, signature: str) -> dict[str, npt.NDArray[np.float32]]:
    """What `("toy", 1)` answers to the first `CALLED_PICTURES` pictures and their labels, by output."""
    with np.load(directory / "signatures.npz", allow_pickle=False) as arrays:
        return {key.partition("|")[2]: arrays[key] for key in arrays if key.startswith(f"{signature}|")}


def write_reference(directory: Path) -> None:
    """See the module's text. Takes seconds."""
    import tensorflow as tf

    from tests.toy_model import toy_digits, write_toy_model

    images, labels = toy_digits(PICTURES)
    arrays: dict[str, Any] = {"images": images[..., np.newaxis], "labels": labels}
    for (name, version), seed in VERSIONS.items():
        loaded = tf.saved_model.load(str(write_toy_model(directory / "models", name, version, seed=seed)))
        answer = loaded.signatures["serving_default"](images=tf.constant(arrays["images"]))
        for output in ("probabilities", "energy"):
            arrays[f"{name}-{version}-{output}"] = answer[output].numpy()
    called = tf.saved_model.load(str(directory / "models" / "toy" / "1")).signatures
    pictures = tf.constant(arrays["images"][:CALLED_PICTURES])
    asked_for = tf.constant(labels[:CALLED_PICTURES], tf.int32)
    answers = {
        "filters": called["filters"](),
        "activations": called["activations"](images=pictures),
        **{name: called[name](images=pictures, classes=asked_for) for name in EXPLANATIONS},
    }
    flat = {
        f"{signature}|{key}": value.numpy() for signature, outputs in answers.items() for key, value in outputs.items()
    }
    np.savez(directory / "signatures.npz", **flat)
    np.savez(directory / "reference.npz", **arrays)


if __name__ == "__main__":
    write_reference(Path(sys.argv[1]))
