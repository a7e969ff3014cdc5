"""What TensorBoard's projector shows: pictures as points, near each other where the net takes them for similar.

tensors.tsv   metadata.tsv   sprite.png   projector_config.pbtxt
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
import numpy as np
import tensorflow as tf

from training.pipeline import Part, to_pixels
from training.tensorboard.pictures import mosaic

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MOST_PICTURES = 1000  # what a browser moves smoothly, and its sprite stays below the 8192 pixels that it takes
_MOST_SPRITE_PX = 8192

_CONFIG = """\
embeddings {{
  tensor_name: "validation pictures"
  tensor_path: "tensors.tsv"
  metadata_path: "metadata.tsv"
  sprite {{
    image_path: "sprite.png"
    single_image_dim: {width}
    single_image_dim: {height}
  }}
}}
"""


def write_projector(model: keras.Model, part: Part, labels: Sequence[str], directory: Path) -> None:
    """The first pictures of `part` by what the layer before the logits makes of them, with labels and sprite."""
    height, width = part.images.shape[1:3]
    count = min(MOST_PICTURES, len(part), (_MOST_SPRITE_PX // max(height, width)) ** 2)
    images, truth = part.images[:count], part.labels[:count]
    hidden = keras.Model(model.inputs, [model.layers[-1].input, model.output])
    vectors, logits = (np.asarray(output) for output in hidden(to_pixels(images), training=False))
    guesses = logits.argmax(axis=1)
    directory.mkdir(parents=True, exist_ok=True)
    np.savetxt(directory / "tensors.tsv", vectors.reshape(count, -1), fmt="%.5g", delimiter="\t")
    rows = [f"{labels[true]}\t{labels[guess]}" for true, guess in zip(truth, guesses, strict=True)]
    (directory / "metadata.tsv").write_text("\n".join(["label\tread as", *rows]) + "\n", encoding="utf-8")
    (directory / "sprite.png").write_bytes(tf.io.encode_png(mosaic(images)).numpy())
    (directory / "projector_config.pbtxt").write_text(_CONFIG.format(width=width, height=height), encoding="utf-8")
