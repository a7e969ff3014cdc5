"""Which pictures are held out, for any labels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.crossval import make_folds
from training.errors import ConfigurationError

NAMES = tuple("0123456789")

CLASS_SIZES = st.lists(st.integers(5, 40), min_size=2, max_size=10)


@given(CLASS_SIZES, st.integers(2, 5), st.integers(0, 2**31 - 1))
def test_every_picture_is_held_out_once_and_every_class_evenly(sizes: list[int], count: int, seed: int) -> None:
    labels = np.repeat(np.arange(len(sizes), dtype=np.uint8), sizes)
    np.random.default_rng(seed).shuffle(labels)
    folds = make_folds(labels, count, seed, NAMES)
    assert len(folds) == count
    held_out = np.concatenate([fold.held_out for fold in folds])
    assert sorted(held_out.tolist()) == list(range(len(labels)))
    for fold in folds:
        assert sorted([*fold.training.tolist(), *fold.held_out.tolist()]) == list(range(len(labels)))
        here = np.bincount(labels[fold.held_out], minlength=len(sizes))
        assert all(size // count <= found <= -(-size // count) for size, found in zip(sizes, here, strict=True))


def test_the_seed_decides() -> None:
    labels = (np.arange(100) % 10).astype(np.uint8)
    first, again, other = (make_folds(labels, 5, seed, NAMES)[0].held_out.tolist() for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize("count", [1, 0, -3])
def test_one_fold_is_none(count: int) -> None:
    with pytest.raises(ConfigurationError, match="--folds must be at least 2"):
        make_folds(np.zeros(10, np.uint8), count, 1, NAMES)


def test_a_class_too_small_is_named() -> None:
    labels = np.array([0] * 10 + [7] * 3, np.uint8)
    with pytest.raises(ConfigurationError, match="--folds 4 is more than the 3 pictures of class '7'"):
        make_folds(labels, 4, 1, NAMES)
