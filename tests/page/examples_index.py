"""The models that ship, one with an index of examples and one without, whatever they come with.

    python -m tests.page.examples_index <version directory>      gives that version an index of drawn digits

In a process of its own, so that TensorFlow does not come into pytest's.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np

from tests.processes import ROOT, run_python

WITH = "cnn"
"""The model whose versions have an index."""
WITHOUT = "mlp"
EXAMPLES = 120
_NAME = "assets.extra/neighbours.npz"


def copied_models(directory: Path) -> Path:
    """A models directory below `directory`."""
    models = directory / "models"
    shutil.copytree(ROOT / "models", models)
    for version in (models / WITHOUT).iterdir():
        _state(version, None)
    for version in (models / WITH).iterdir():
        done = run_python(["-m", "tests.page.examples_index", str(version)])
        assert done.returncode == 0, done.stderr
    return models


def write_index(version: Path) -> None:
    """By the version's own signature, of toy digits instead of what it learned from."""
    import tensorflow as tf

    from tests.toy_model import toy_digits

    card = json.loads((version / "assets.extra" / "card.json").read_text(encoding="utf-8"))
    layer = card["architecture"]["layers"][-2]["name"]
    images, labels = toy_digits(EXAMPLES)
    pictures = images.reshape(EXAMPLES, *card["input"]["shape"])
    loaded = tf.saved_model.load(str(version))
    found = loaded.signatures["activations"](images=tf.constant(pictures))[layer].numpy().reshape(EXAMPLES, -1)
    arrays: dict[str, Any] = {
        "directions": (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float16),
        "labels": labels.astype(np.uint8),
        "positions": np.arange(1000, 1000 + EXAMPLES, dtype=np.int32),
        "strange": np.arange(EXAMPLES) % 10 == 0,
        "thumbnails": pictures,
        "dataset": np.array("toy"),
        "split": np.array("train"),
        "layer": np.array(layer),
    }
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **arrays)
    _state(version, file.getvalue())


def _state(version: Path, content: bytes | None) -> None:
    """Put the index there, or take it away, and have the card say so."""
    path = version / "assets.extra" / "card.json"
    card = json.loads(path.read_text(encoding="utf-8"))
    card["files"].pop(_NAME, None)
    (version / _NAME).unlink(missing_ok=True)
    if content is not None:
        (version / _NAME).write_bytes(content)
        card["files"][_NAME] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    path.write_text(json.dumps(card), encoding="utf-8")


if __name__ == "__main__":
    write_index(Path(sys.argv[1]))
