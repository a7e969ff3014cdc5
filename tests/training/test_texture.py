from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.toy_model import toy_digits
from training.config import Augmentation
from training.texture import worn

SEED = 3
Pixels = NDArray[np.float32]
CHANGES = ("pen", "coarse", "gaps", "lines", "grain")


@pytest.fixture(scope="module")
def pixels() -> Pixels:
    images, _ = toy_digits(400, seed=5)
    return (images[..., None] / 255.0).astype(np.float32)


def changed(pixels: Pixels, **shares: float) -> Pixels:
    return worn(pixels.copy(), Augmentation(**shares), np.random.default_rng(SEED))


def test_nothing_asked_nothing_done(pixels: Pixels) -> None:
    assert (changed(pixels) == pixels).all()
    assert not Augmentation(rotation_degrees=15, stroke=0.1, aspect=0.2).changes_texture


@pytest.mark.parametrize("change", CHANGES)
def test_the_share_is_the_share(change: str, pixels: Pixels) -> None:
    assert Augmentation(**{change: 0.4}).changes_texture
    result = changed(pixels, **{change: 0.4})
    moved = np.abs(result - pixels).max(axis=(1, 2, 3)) > 1e-3
    # A gap may fall where there is no ink.
    assert (0.2 if change == "gaps" else 0.32) < moved.mean() < 0.48
    assert result.shape == pixels.shape
    assert result.dtype == np.float32
    assert result.min() >= 0.0
    assert result.max() <= 1.0 + 1e-6


@pytest.mark.parametrize("change", CHANGES)
def test_the_seed_decides(change: str, pixels: Pixels) -> None:
    first, again = (changed(pixels, **{change: 1.0}) for _ in range(2))
    assert (first == again).all()
    other = worn(pixels.copy(), Augmentation(**{change: 1.0}), np.random.default_rng(SEED + 1))
    assert (np.abs(first - other).max(axis=(1, 2, 3)) > 0.01).mean() > 0.8


def test_other_pens_are_thinner_and_fatter(pixels: Pixels) -> None:
    ink = changed(pixels, pen=1.0).sum(axis=(1, 2, 3)) / pixels.sum(axis=(1, 2, 3))
    assert np.quantile(ink, 0.05) < 0.95
    assert np.quantile(ink, 0.95) > 1.3


def test_coarse_pictures_have_few_pixels_and_the_digit_in_its_place(pixels: Pixels) -> None:
    result, before = changed(pixels, coarse=1.0), pixels
    axis = np.arange(28)
    for along in (1, 2):
        other = (3 - along, 3)
        centres = [(x.sum(axis=other) @ axis) / x.sum(axis=(1, 2, 3)) for x in (result, before)]
        moved = centres[0] - centres[1]  # in black and white, pale parts may fall away
        assert np.abs(moved).mean() < 0.3
        assert abs(moved.mean()) < 0.1
    distinct = np.array([len(np.unique(picture)) for picture in np.round(result, 3)])
    assert (distinct < 40).mean() > 0.3  # black and white ones, with the soft edges of the way back up


def test_a_gap_takes_ink_and_adds_none(pixels: Pixels) -> None:
    difference = changed(pixels, gaps=1.0) - pixels
    assert difference.max() <= 0.0
    taken = np.asarray(difference[..., 0] < -1e-3)
    rows, columns = (np.asarray(taken.any(axis=axis)).sum(axis=1) for axis in (2, 1))
    assert ((rows <= 1) | (columns <= 1) | (taken.sum(axis=(1, 2)) < 56)).all()


def test_a_line_adds_ink_near_an_edge_and_takes_none(pixels: Pixels) -> None:
    difference = changed(pixels, lines=1.0) - pixels
    assert difference.min() >= 0.0
    assert np.abs(difference[:, 9:19, 9:19]).max() == 0.0


def test_grain_is_uneven(pixels: Pixels) -> None:
    full = np.ones_like(pixels)
    spread = changed(full, grain=1.0).std(axis=(1, 2, 3))
    assert np.quantile(spread, 0.9) > 0.1
    assert changed(full, grain=1.0).mean() < 0.95
