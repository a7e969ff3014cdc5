"""Examples of every class on one page, to see what a data set holds before training on it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from training.data.dataset import Dataset

EXAMPLES = 10
_GAP_PX = 2
_ROWS_AT_MOST = 20
_BACKGROUND = 255


def contact_sheet(dataset: Dataset, examples: int = EXAMPLES, seed: int = 0) -> Figure:
    """A row of `examples` training pictures for each class, drawn at random by `seed`, with the class' name and count.

    From 21 classes on they stand in several columns. A class that has fewer pictures has a shorter row.
    """
    from matplotlib.figure import Figure

    classes, shape = len(dataset.spec.labels), dataset.x_train.shape[1:3]
    columns = math.ceil(classes / _ROWS_AT_MOST)
    rows = math.ceil(classes / columns)
    width_inches = columns * (0.36 * examples * shape[1] / shape[0] + 1.9)
    figure = Figure(figsize=(width_inches, 0.36 * rows + 0.7), layout="constrained")
    figure.suptitle(_title(dataset), fontsize=10)
    axes = np.atleast_1d(figure.subplots(1, columns))
    counts, _ = dataset.counts()
    rng = np.random.default_rng(seed)
    for column, axis in enumerate(axes):
        labels = range(column * rows, min(classes, (column + 1) * rows))
        axis.imshow(_mosaic(dataset, labels, examples, rows, rng), interpolation="nearest", aspect="equal")
        pitch = shape[0] + _GAP_PX
        axis.set_yticks(
            [(row + 0.5) * pitch - 0.5 for row in range(len(labels))],
            [f"{dataset.spec.labels[label]}  ({counts[label]:,})" for label in labels],
            fontsize=8,
        )
        axis.set_xticks([])
        axis.tick_params(length=0)
        axis.spines[:].set_visible(False)
    return figure


def _title(dataset: Dataset) -> str:
    height, width, channels = dataset.spec.shape
    return (
        f"{dataset.spec.name}: {len(dataset.y_train):,} training and {len(dataset.y_test):,} test pictures, "
        f"{height}×{width}×{channels}"
    )


def _mosaic(dataset: Dataset, labels: range, examples: int, rows: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """uint8 (rows · (H + gap), examples · (W + gap), 3), white between the pictures."""
    height, width, _ = dataset.x_train.shape[1:]
    sheet = np.full((rows * (height + _GAP_PX), examples * (width + _GAP_PX), 3), _BACKGROUND, np.uint8)
    for row, label in enumerate(labels):
        of_class = np.flatnonzero(dataset.y_train == label)
        chosen = rng.choice(of_class, min(examples, len(of_class)), replace=False)
        for column, picture in enumerate(dataset.x_train[chosen]):
            top, left = row * (height + _GAP_PX), column * (width + _GAP_PX)
            sheet[top : top + height, left : left + width] = picture  # one channel spreads over three
    return sheet
