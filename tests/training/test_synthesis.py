from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.toy_model import toy_digits
from training.synthesis import fitted, outliers, rare_digits

if TYPE_CHECKING:
    from numpy.typing import NDArray


@pytest.fixture(scope="module")
def digits() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    return toy_digits(60, seed=3)


def test_rare_digits_come_with_their_labels() -> None:
    pictures, labels = rare_digits(300, seed=1)
    assert pictures.shape == (300, 28, 28)
    assert pictures.dtype == labels.dtype == np.uint8
    assert set(labels) == set(range(10))
    # A mean picture of each digit, made of other ones, recognises most of them: the labels are not at random.
    others, other_labels = rare_digits(2000, seed=2)
    means = np.stack([others[other_labels == digit].mean(axis=0).ravel() for digit in range(10)])
    means -= means.mean(axis=1, keepdims=True)
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    assert ((pictures.reshape(300, -1) @ means.T).argmax(axis=1) == labels).mean() > 0.5


def test_the_seed_decides_about_digits() -> None:
    first, again, other = (rare_digits(20, seed)[0] for seed in (1, 1, 2))
    assert (first == again).all()
    assert not (first == other).all(axis=(1, 2)).any()


def test_the_seed_decides_about_outliers(digits: tuple[NDArray[np.uint8], NDArray[np.uint8]]) -> None:
    first, again, other = (outliers(100, *digits, seed) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first == other).all(axis=(1, 2)).mean() < 0.1  # empty pages are alike


def test_outliers_are_as_many_as_asked_for(digits: tuple[NDArray[np.uint8], NDArray[np.uint8]]) -> None:
    for count in (1, 7, 250):
        made = outliers(count, digits[0][..., None], digits[1], seed=1)
        assert made.shape == (count, 28, 28)
        assert made.dtype == np.uint8


def test_outliers_are_of_many_kinds(digits: tuple[NDArray[np.uint8], NDArray[np.uint8]]) -> None:
    made = outliers(1000, *digits, seed=1)
    ink = made.astype(float).mean(axis=(1, 2)) / 255
    assert (ink < 0.03).any()  # next to nothing
    assert (ink > 0.5).any()  # next to nothing but ink
    assert len(np.unique(made.reshape(1000, -1), axis=0)) > 960


def test_no_outlier_is_a_digit_as_it_was(digits: tuple[NDArray[np.uint8], NDArray[np.uint8]]) -> None:
    pictures, labels = digits
    made = {picture.tobytes() for picture in outliers(600, pictures, labels, seed=4)}
    assert not made & {picture.tobytes() for picture in pictures}


def test_fitted_fills_twenty_pixels() -> None:
    picture = np.zeros((40, 90), np.uint8)
    picture[5:15, 10:70] = 120
    result = fitted(picture)
    assert result.shape == (28, 28)
    rows, columns = np.flatnonzero(result.any(axis=1)), np.flatnonzero(result.any(axis=0))
    assert (len(rows), len(columns)) == (3, 20)  # 10 by 60, made 3 by 20
    assert set(np.unique(result)) == {0, 255}


def test_fitted_leaves_an_empty_page_empty() -> None:
    assert not fitted(np.zeros((28, 28), np.uint8)).any()
