"""Which training examples resemble a picture, as the model sees it: a small index that travels with each version.

    training part ─ activations ─▶ embeddings ─ a few of each class ─▶ assets.extra/neighbours.npz

An embedding is what the layer before the logits gives. Two pictures that are close there are alike to the model,
whatever their pixels; the service looks for those that are closest to a posted one. What the file holds:

    directions   float16 (N, D), embeddings of length 1: the angle between two is what counts
    labels       uint8 (N), indices into the card's `labels`
    positions    int32 (N), in the data set's training part as it came
    strange      bool (N): one of those of its class that the model reads rightly with the least margin
    thumbnails   uint8 (N, H, W, C)
    dataset, split, layer   what all of them are from, as text
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from training.evaluate.served import BATCH
from training.neighbours_choice import chosen_examples
from training.pipeline import SPLIT_SEED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from training.data import Dataset
    from training.evaluate.served import ServedModel

NEIGHBOURS = Path("assets.extra") / "neighbours.npz"
"""Where the index lies in a published version."""
EXAMPLES = 1_000
LIMIT_BYTES = 700_000
"""Of the file. Fewer examples are kept where pictures or embeddings are large."""
_EMBEDDED_BYTES = 2**28  # of all embeddings that are chosen from, in memory
_SPLIT = "train"


def write_neighbours(version_directory: Path, dataset: Dataset, served: ServedModel) -> None:
    """Write the index of the version in `version_directory`, which learned from `dataset` and is being published.

    `served` is that version, with all of its card but `files`. A model without a layer before its logits gets no index.
    Takes as long as one look at the training part.
    """
    card = served.card
    layer = embedding_layer(card)
    if layer is None:
        return
    name, labels = layer["name"], dataset.y_train
    positions = training_positions(dataset, card)
    width = int(np.prod(layer["output_shape"]))
    positions = positions[: max(1, _EMBEDDED_BYTES // (4 * width))]
    directions, logits = _embedded(served, name, dataset.x_train, positions)
    count = EXAMPLES
    while True:
        chosen, strange = chosen_examples(directions, labels[positions], logits, count)
        content = _packed(
            directions=directions[chosen].astype(np.float16),
            labels=labels[positions[chosen]],
            positions=positions[chosen].astype(np.int32),
            strange=strange,
            thumbnails=dataset.x_train[positions[chosen]],
            dataset=np.array(card["dataset"]["name"]),
            split=np.array(_SPLIT),
            layer=np.array(name),
        )
        if len(content) <= LIMIT_BYTES or count == 1:
            break
        count = max(1, min(count - 1, int(0.95 * count * LIMIT_BYTES / len(content))))
    (version_directory / NEIGHBOURS).parent.mkdir(exist_ok=True)
    (version_directory / NEIGHBOURS).write_bytes(content)


def embedding_layer(card: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The card's row of the layer before the logits; None when there is none."""
    rows = card["architecture"]["layers"]
    return rows[-2] if len(rows) > 1 else None


def training_positions(dataset: Dataset, card: Mapping[str, Any]) -> NDArray[np.int64]:
    """Where in `dataset.x_train` the pictures lie that the model learned from: `training.pipeline.split`, by position."""
    order = np.random.default_rng(SPLIT_SEED).permutation(len(dataset.y_train))
    validation, training = card["dataset"]["validation"], card["dataset"]["train"]
    return order[validation : validation + training]


def _embedded(
    model: ServedModel, layer: str, images: NDArray[np.uint8], positions: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Embeddings (N, D) of the pictures at `positions`, scaled to length 1 (one without any stays 0), and logits (N, K)."""
    import tensorflow as tf

    embeddings, logits = [], []
    for at in range(0, len(positions), BATCH):
        outputs = model.signatures["activations"](images=tf.constant(images[positions[at : at + BATCH]]))
        logits.append(outputs["logits"].numpy())
        embeddings.append(outputs[layer].numpy().reshape(len(logits[-1]), -1))
    found = np.concatenate(embeddings)
    found /= np.maximum(np.linalg.norm(found, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return found, np.concatenate(logits)


def _packed(**arrays: NDArray[Any]) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **arrays)
    return file.getvalue()
