"""What the examples show is what is so."""

from __future__ import annotations

import numpy as np

from training.first_principles.demo import EXAMPLES, worked_example


def table_after(text: str, opening: str) -> list[list[int]]:
    """The numbers of the table that follows the line with `opening`."""
    lines = text[text.index(opening) :].splitlines()[1:]
    end = lines.index("") if "" in lines else len(lines)
    return [[int(cell) for cell in line.replace("·", "0").split()] for line in lines[:end]]


def test_the_matrix_shown_times_the_picture_shown_is_the_result_shown() -> None:
    for example in EXAMPLES:
        text = worked_example(example)
        matrix = np.array(table_after(text, "The kernel unrolled"))
        result = np.array(table_after(text, "which are, in rows"))
        np.testing.assert_array_equal(matrix @ np.array(example.picture).reshape(-1), result.reshape(-1))
        assert max(len(line) for line in text.splitlines()) <= 120


def test_the_first_output_is_shown_as_a_sum() -> None:
    text = worked_example(EXAMPLES[0])
    assert "the first of them: 3·1 - 1·3 + 1·2 + 2·2 + 4·8 + 1·3 = 41" in text
    assert table_after(text, "which are, in rows of 4, the 4×4")[0] == [41, 57, 40, 26]


def test_a_padded_example() -> None:
    text = worked_example(EXAMPLES[1])
    assert text.startswith("A picture of 3×3, a kernel of 2×2, stride 1, padding 1:")
    assert "The kernel unrolled, 16×9" in text
    assert table_after(text, "which are, in rows of 4") == [[1, 4, 7, 6], [2, 8, 14, 12], [2, 8, 14, 12], [1, 4, 7, 6]]
