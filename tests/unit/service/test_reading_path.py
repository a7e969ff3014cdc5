"""The way through a row, beside what trying every way gives."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from service.images.rows import Piece
from service.reading_path import Lattice, may_be_dirt, read_row

CLASSES = 3
ATOMS = 5


def piece(first: int, last: int, **changes: float) -> Piece:
    """Atoms ten pixels wide and fifteen high, unless told otherwise; nothing is cut."""
    box = (10 * first, 0, 10 * (last - first + 1), 15)
    values: dict[str, Any] = {
        "width": 0.6,
        "height": 1.0,
        "gap": 0.0,
        "cut_left": 0.0,
        "cut_right": 0.0,
        "cut_within": np.inf,
    }
    return Piece(first, last, box, **{**values, **changes})


PIECES = [piece(first, last) for first in range(ATOMS) for last in range(first, min(first + 3, ATOMS))]
SCORES = np.random.default_rng(0).normal(0, 1.5, (len(PIECES), CLASSES))
SKIPS = np.array([-1.0 if p.first == p.last == 2 else -np.inf for p in PIECES])

Step = tuple[int, bool]


def ways(at: int = 0) -> Iterator[list[Step]]:
    """Every way from atom `at` to the end: pieces, and whether each is used or left out."""
    if at == ATOMS:
        yield []
    for i, p in enumerate(PIECES):
        if p.first == at:
            for rest in ways(p.last + 1):
                yield [(i, True), *rest]
                if np.isfinite(SKIPS[i]):
                    yield [(i, False), *rest]


def readings(digits: int | None = None) -> Iterator[tuple[list[tuple[int, int]], float]]:
    """Every (piece, class) sequence of every way, with its score."""
    for way in ways():
        used = [i for i, taken in way if taken]
        if digits is not None and len(used) != digits:
            continue
        skipped = sum(float(SKIPS[i]) for i, taken in way if not taken)
        for classes in itertools.product(range(CLASSES), repeat=len(used)):
            score = sum(float(SCORES[i, c]) for i, c in zip(used, classes, strict=True))
            yield list(zip(used, classes, strict=True)), score + skipped


def brute(digits: int | None, classes: list[int] | None = None) -> tuple[NDArray[np.float64], float]:
    marginals, total = np.zeros_like(SCORES), 0.0
    for reading, score in readings(digits):
        if classes is None or [c for _, c in reading] == classes:
            total += np.exp(score)
            for i, c in reading:
                marginals[i, c] += np.exp(score)
    return marginals / total, float(np.log(total))


@pytest.fixture
def lattice() -> Lattice:
    return Lattice(ATOMS, PIECES, SCORES, SKIPS)


@pytest.mark.parametrize("digits", [None, 2, 3, 4, 5])
def test_the_best_way_is_the_best_of_all(lattice: Lattice, digits: int | None) -> None:
    best, _ = max(readings(digits), key=lambda reading: reading[1])
    assert lattice.best(digits) == [i for i, _ in best]


@pytest.mark.parametrize("digits", [None, 2, 3, 4, 5])
def test_marginals_are_sums_over_all_ways(lattice: Lattice, digits: int | None) -> None:
    marginals, total = lattice.marginals(digits)
    expected, expected_total = brute(digits)
    np.testing.assert_allclose(marginals, expected, atol=1e-12)
    assert total == pytest.approx(expected_total)


@pytest.mark.parametrize("classes", [[0, 1], [2, 0, 1], [1, 1, 1, 1]])
def test_marginals_of_a_reading_are_sums_over_the_ways_that_read_so(lattice: Lattice, classes: list[int]) -> None:
    marginals, total = lattice.marginals_of(classes)
    expected, expected_total = brute(None, classes)
    np.testing.assert_allclose(marginals, expected, atol=1e-12)
    assert total == pytest.approx(expected_total)


@pytest.mark.parametrize("digits", [1, 6, 60])
def test_there_is_no_way_with_too_few_or_too_many(lattice: Lattice, digits: int) -> None:
    assert lattice.best(digits) == []


def test_a_reading_that_is_impossible_has_no_likelihood(lattice: Lattice) -> None:
    marginals, total = lattice.marginals_of([0])
    assert total == -np.inf
    assert not marginals.any()


@pytest.mark.parametrize(
    ("changes", "may"),
    [
        ({"height": 0.3}, True),
        ({"height": 0.9}, False),
        ({"height": 0.3, "cut_left": 0.1}, False),
        ({"height": 0.3, "cut_right": 0.1}, False),
    ],
)
def test_only_low_parts_that_stand_alone_may_be_dirt(changes: dict[str, float], may: bool) -> None:
    assert may_be_dirt(piece(1, 1, **changes)) is may
    assert not may_be_dirt(piece(1, 2, **changes))


# --- with the weights that are in force


def surely(digit: int, confidence: float = 0.999) -> NDArray[np.float32]:
    row = np.full(10, (1 - confidence) / 9, np.float32)
    row[digit] = confidence
    return row


LIKE_A_DIGIT, UNLIKE, THRESHOLD = -4.6, -2.5, -3.8


def test_digits_apart_are_read_one_by_one() -> None:
    pieces = [piece(0, 0), piece(1, 1), piece(2, 2)]
    energy = np.full(3, LIKE_A_DIGIT, np.float32)
    reading = read_row(3, pieces, np.stack([surely(d) for d in (7, 0, 4)]), energy, THRESHOLD)
    assert [digit.digit for digit in reading.digits] == [7, 0, 4]
    assert [digit.piece for digit in reading.digits] == [0, 1, 2]
    assert all(digit.confidence > 0.98 for digit in reading.digits)
    assert 0.95 < reading.confidence <= min(digit.confidence for digit in reading.digits) + 1e-9


def touching() -> tuple[list[Piece], NDArray[np.float32], NDArray[np.float32]]:
    """Two atoms of one part: each looks like a digit, both together do not."""
    pieces = [
        piece(0, 0, cut_right=0.1, width=0.6),
        piece(0, 1, cut_within=0.1, width=1.3),
        piece(1, 1, cut_left=0.1, width=0.6),
    ]
    probabilities = np.stack([surely(3), surely(8, 0.3), surely(5)])
    return pieces, probabilities, np.array([LIKE_A_DIGIT, UNLIKE, LIKE_A_DIGIT], np.float32)


@pytest.mark.parametrize("threshold", [THRESHOLD, None])
def test_touching_digits_are_taken_apart(threshold: float | None) -> None:
    reading = read_row(2, *touching(), threshold)
    assert [digit.digit for digit in reading.digits] == [3, 5]


def test_the_number_of_digits_decides() -> None:
    reading = read_row(2, *touching(), THRESHOLD, digits=1)
    assert [(digit.digit, digit.piece) for digit in reading.digits] == [(8, 1)]


def test_a_number_that_cannot_be_had_is_left_aside() -> None:
    reading = read_row(2, *touching(), THRESHOLD, digits=7)
    assert [digit.digit for digit in reading.digits] == [3, 5]


def test_one_wide_digit_is_not_taken_apart() -> None:
    pieces, probabilities, energy = touching()
    probabilities = np.stack([surely(1, 0.6), surely(0), surely(7, 0.5)])
    pieces[1] = piece(0, 1, cut_within=0.3, width=0.8)
    pieces[0], pieces[2] = (piece(i, i, cut_left=0.3 * i, cut_right=0.3 * (1 - i), width=0.4) for i in (0, 1))
    reading = read_row(2, pieces, probabilities, energy[[1, 0, 1]], THRESHOLD)
    assert [digit.digit for digit in reading.digits] == [0]
