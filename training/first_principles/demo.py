"""Two convolutions by hand, step by step: the picture, the unrolled kernel, their product, and the result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from training.first_principles.convolution import conv2d, unrolled_kernel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True)
class Example:
    """One picture of one channel and one kernel, whole numbers both."""

    picture: tuple[tuple[int, ...], ...]
    kernel: tuple[tuple[int, ...], ...]
    padding: int = 0


EXAMPLES = (
    Example(
        picture=(
            (6, 1, 7, 3, 6, 7),
            (3, 2, 2, 8, 6, 1),
            (8, 5, 3, 0, 1, 8),
            (8, 7, 8, 3, 4, 8),
            (5, 4, 7, 3, 6, 4),
            (7, 3, 2, 5, 5, 2),
        ),
        kernel=((0, 3, 0), (-1, 1, 2), (4, 0, 1)),
    ),
    Example(picture=((1, 2, 3),) * 3, kernel=((2, 1), (2, 1)), padding=1),
)


def worked_example(example: Example) -> str:
    """The steps as text, at most 120 columns wide for pictures up to 6×6; zeros of the matrix are dots."""
    picture, kernel = np.array(example.picture), np.array(example.kernel)
    kernel_4d = kernel[:, :, None, None].astype(np.float32)  # one channel, one filter
    matrix = unrolled_kernel(kernel_4d, (*picture.shape, 1), padding=example.padding).numpy().astype(int)
    result = conv2d(picture[None, :, :, None].astype(np.float32), kernel_4d, padding=example.padding).numpy()
    result = result[0, :, :, 0].astype(int)
    vector, product = picture.reshape(-1), matrix @ picture.reshape(-1)
    return "\n".join(
        [
            f"A picture of {_size(picture)}, a kernel of {_size(kernel)}, stride 1, padding {example.padding}:",
            *_beside(_table(picture), _table(kernel)),
            "",
            f"The kernel unrolled, {_size(matrix)}, one row for each output; · is a zero:",
            *_table(matrix, zero="·"),
            "",
            f"times the picture as a vector, {len(vector)} values: {_listed(vector)}",
            f"gives {len(product)} values: {_listed(product)}",
            f"the first of them: {_sum_of_products(matrix[0], vector)} = {product[0]}",
            "",
            f"which are, in rows of {result.shape[1]}, the {_size(result)} of the convolution:",
            *_table(result),
        ]
    )


def _table(values: NDArray[np.int64], zero: str = "0") -> list[str]:
    cells = [[zero if value == 0 else str(value) for value in row] for row in values]
    width = max(len(cell) for row in cells for cell in row)
    return ["  " + " ".join(cell.rjust(width) for cell in row) for row in cells]


def _beside(left: Sequence[str], right: Sequence[str]) -> list[str]:
    """Two tables in one, the second with a star in front of its middle: cross-correlation's sign."""
    top = (len(left) - len(right)) // 2
    rows = []
    for number, line in enumerate(left):
        inside = top <= number < top + len(right)
        star = "  ⋆" if number == len(left) // 2 else "   "
        rows.append((line + star + (right[number - top] if inside else "")).rstrip())
    return rows


def _sum_of_products(weights: NDArray[np.int64], values: NDArray[np.int64]) -> str:
    terms = [f"{w}·{x}" for w, x in zip(weights, values, strict=True) if w != 0]
    return " + ".join(terms).replace("+ -", "- ")


def _listed(values: NDArray[np.int64]) -> str:
    return " ".join(map(str, values))


def _size(values: NDArray[np.int64]) -> str:
    return "×".join(map(str, values.shape))
