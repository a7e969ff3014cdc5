"""The confusion matrix as SVG: every count readable, mistakes shaded by their number."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from training.report.svg import Drawing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

_CELL = 46.0
_NUMBERS_UP_TO = 30  # classes; more are too small for numbers


def confusion_svg(matrix: Sequence[Sequence[int]], labels: Sequence[str]) -> Markup:
    """Rows are the true classes, columns what was read."""
    classes = len(labels)
    margin = 34 + min(120.0, 8.0 * max(map(len, labels)))
    turned = max(map(len, labels)) > 3
    cell = _CELL if classes <= 12 else max(7.0, 560.0 / classes)
    side = margin + cell * classes
    drawing = Drawing(side + 4, side + 4, "Confusion matrix", _in_words(matrix, labels))
    most = max([1, *(count for row, _ in _wrong(matrix) for count in row)])
    for row, counts in enumerate(matrix):
        y = margin + row * cell
        if classes <= _NUMBERS_UP_TO:
            drawing.text(margin - 8, y + cell / 2 + 4, labels[row], "tick", "end")
            x = margin + row * cell + cell / 2
            drawing.text(
                x + (4 if turned else 0), margin - 9, labels[row], "tick", "start" if turned else "middle", turned
            )
        for column, count in enumerate(counts):
            _draw_cell(drawing, (margin + column * cell, y, cell), count, count / most, diagonal=row == column)
            if count and classes <= _NUMBERS_UP_TO:
                css = "right" if row == column else "wrong"
                drawing.text(margin + (column + 0.5) * cell, y + cell / 2 + 4.5, f"{count}", f"count {css}")
    drawing.text(margin + cell * classes / 2, 11, "predicted", "axis-name")
    drawing.text(11, margin + cell * classes / 2, "true", "axis-name", "middle", turned=True)
    return drawing.markup()


def _draw_cell(
    drawing: Drawing, place: tuple[float, float, float], count: int, share: float, *, diagonal: bool
) -> None:
    x, y, cell = place
    gap = min(1.5, cell / 10)
    css = "cell diagonal" if diagonal else "cell mistake" if count else "cell"
    # Roots, so that a single mistake is still seen beside a hundred.
    style = "" if diagonal or not count else f"fill-opacity:{0.18 + 0.72 * math.sqrt(share):.2f}"
    drawing.rect(x + gap, y + gap, cell - 2 * gap, cell - 2 * gap, css, radius=min(5.0, cell / 8), style=style)


def _wrong(matrix: Sequence[Sequence[int]]) -> list[tuple[list[int], int]]:
    return [([count for column, count in enumerate(row) if column != true], true) for true, row in enumerate(matrix)]


def _in_words(matrix: Sequence[Sequence[int]], labels: Sequence[str]) -> str:
    right, total = sum(row[index] for index, row in enumerate(matrix)), sum(map(sum, matrix))
    told = "; ".join(f"{true} taken for {read}: {count}" for count, true, read in most_confused(matrix, labels, 3))
    return f"{right} of {total} on the diagonal. " + (f"Most frequent mistakes: {told}." if told else "No mistakes.")


def most_confused(matrix: Sequence[Sequence[int]], labels: Sequence[str], most: int) -> list[tuple[int, str, str]]:
    """How often which class was taken for which other one, the most frequent first."""
    mixed = [
        (count, labels[true], labels[read])
        for true, row in enumerate(matrix)
        for read, count in enumerate(row)
        if true != read and count
    ]
    return sorted(mixed, key=lambda found: -found[0])[:most]
