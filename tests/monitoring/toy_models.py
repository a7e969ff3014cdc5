"""`python -m tests.monitoring.toy_models DIRECTORY`: what is watched, made in one process of its own.

DIRECTORY/models/toy/1, /2     in service from the start, with labels and shares
DIRECTORY/made/toy/3           to be published later
DIRECTORY/images.npy           uint8 (300, 28, 28, 1), digits that they read
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from benchmarks.chaos import publish_copy

NAME = "toy"
PUBLISHED_LATER = 3
IMAGES = "images.npy"


def write(directory: Path) -> None:
    """See the module's text. Takes seconds, and TensorFlow."""
    from tests.toy_model import toy_digits, write_toy_model

    publish_copy(
        write_toy_model(directory / "models", NAME, 1), 2
    )  # a third one to make would take as long as the rest
    write_toy_model(directory / "made", NAME, PUBLISHED_LATER, seed=PUBLISHED_LATER)
    model = directory / "models" / NAME
    (model / "labels.json").write_text(json.dumps({"stable": 1, "canary": 2, "shadow": 2}))
    (model / "serving.json").write_text(json.dumps({"canary_share": 0.3, "shadow_share": 1.0}))
    np.save(directory / IMAGES, toy_digits(300)[0][..., np.newaxis])


if __name__ == "__main__":
    write(Path(sys.argv[1]))
