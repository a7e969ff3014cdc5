from __future__ import annotations

import numpy as np
import pytest

from training.data import load
from training.errors import DataUnavailableError


@pytest.mark.slow
def test_the_real_fashion_mnist() -> None:
    """Facts about Fashion-MNIST that its description states, seen through whichever source this machine has."""
    try:
        dataset = load("fashion_mnist")
    except DataUnavailableError as error:
        pytest.skip(str(error))
    assert dataset.x_train.shape == (60_000, 28, 28, 1)
    assert dataset.y_train[:10].tolist() == [9, 0, 0, 3, 0, 2, 7, 2, 5, 5]
    train, test = dataset.counts()
    assert train.tolist() == [6_000] * 10
    assert test.tolist() == [1_000] * 10
    trousers = dataset.x_test[dataset.y_test == dataset.spec.labels.index("Trouser")]
    assert np.ptp(trousers.mean(axis=(0, 1, 3))) > 100  # high and narrow: dark at the sides
