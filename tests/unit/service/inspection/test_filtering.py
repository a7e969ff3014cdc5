"""Convolution and pooling: by hand, against OpenCV, and what does not fit."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import InvalidParameterError, WrongShapeError
from service.inspection.filtering import NAMED_KERNELS, convolved, numbers_of, outputs, pooled

SIX = [
    [6, 1, 7, 3, 6, 7],
    [3, 2, 2, 8, 6, 1],
    [8, 5, 3, 0, 1, 8],
    [8, 7, 8, 3, 4, 8],
    [5, 4, 7, 3, 6, 4],
    [7, 3, 2, 5, 5, 2],
]
NONE = np.zeros(1)


def one_channel(rows: list[list[int]]) -> np.ndarray:
    return np.array(rows, np.float64)[..., None]


def test_by_hand() -> None:
    kernel = np.array([[0, 3, 0], [-1, 1, 2], [4, 0, 1]], np.float64)[..., None, None]
    found = convolved(one_channel(SIX), kernel, NONE, 1, 0)[..., 0]
    assert found.tolist() == [[41, 57, 40, 26], [49, 35, 59, 55], [57, 35, 37, 36], [64, 50, 30, 45]]


def test_by_hand_with_padding() -> None:
    kernel = np.array([[2, 1], [2, 1]], np.float64)[..., None, None]
    found = convolved(one_channel([[1, 2, 3]] * 3), kernel, NONE, 1, 1)[..., 0]
    assert found.tolist() == [[1, 4, 7, 6], [2, 8, 14, 12], [2, 8, 14, 12], [1, 4, 7, 6]]


@pytest.mark.parametrize("name", sorted(NAMED_KERNELS))
def test_named_kernels_are_opencvs_correlation(name: str) -> None:
    picture = np.random.default_rng(2).uniform(0, 255, (17, 23))
    kernel = np.array(NAMED_KERNELS[name])
    assert kernel.shape == (3, 3)
    found = convolved(picture[..., None], kernel[..., None, None], NONE, 1, 1)[..., 0]
    expected = cv2.filter2D(picture, cv2.CV_64F, kernel, borderType=cv2.BORDER_CONSTANT)
    assert np.allclose(found, expected)


@given(st.integers(3, 9), st.integers(3, 9), st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), st.integers(0, 2))
def test_it_is_the_sum_over_window_and_channels(
    height: int, width: int, channels: int, filters: int, side: int, padding: int
) -> None:
    rng = np.random.default_rng(height * width)
    picture = rng.normal(size=(height, width, channels))
    kernel = rng.normal(size=(side, side, channels, filters))
    bias = rng.normal(size=filters)
    found = convolved(picture, kernel, bias, 2, padding, floor=True)
    padded = np.pad(picture, ((padding, padding), (padding, padding), (0, 0)))
    for row in range(found.shape[0]):
        for column in range(found.shape[1]):
            window = padded[2 * row : 2 * row + side, 2 * column : 2 * column + side]
            assert np.allclose(found[row, column], (window[..., None] * kernel).sum(axis=(0, 1, 2)) + bias)
    assert found.shape[0] == (height + 2 * padding - side) // 2 + 1


def test_pooling() -> None:
    picture = one_channel([[1, 2, 3, 4], [5, 6, 7, 8], [-1, -2, -3, -4], [-5, -6, -7, -8]])
    assert pooled(picture, 2, 2, 0, "max")[..., 0].tolist() == [[6, 8], [-1, -3]]
    assert pooled(picture, 2, 2, 0, "average")[..., 0].tolist() == [[3.5, 5.5], [-3.5, -5.5]]
    assert pooled(picture, 2, 1, 0, "max").shape == (3, 3, 1)
    # What is added around is never the largest, though all that is there is below 0.
    assert pooled(picture[2:], 2, 2, 1, "max")[..., 0].tolist() == [[-1, -2, -4], [-5, -6, -8]]


def test_a_stride_that_does_not_fit_names_those_that_do() -> None:
    with pytest.raises(InvalidParameterError, match=r"a stride of 4 does not fit.*nearest that fit: 2, 3, 6") as caught:
        outputs(9, 3, 4, 0, "kernel")
    assert caught.value.field == "stride"
    assert outputs(9, 3, 4, 0, "kernel", floor=True) == 2


def test_a_window_larger_than_the_picture() -> None:
    with pytest.raises(InvalidParameterError, match="does not fit into 3 pixels") as caught:
        outputs(3, 5, 1, 0, "kernel")
    assert caught.value.field == "kernel"


def test_channels_have_to_agree() -> None:
    with pytest.raises(WrongShapeError, match="takes 2 channels and the picture has 1"):
        convolved(one_channel(SIX), np.zeros((3, 3, 2, 1)), NONE, 1, 0)


@pytest.mark.parametrize("value", [[[1, 2], [3]], [["a"]], 3, [], [[float("nan")]], [[[[[1]]]]], None])
def test_what_is_no_array(value: object) -> None:
    with pytest.raises(WrongShapeError) as caught:
        numbers_of(value, "kernel", (2, 3, 4))
    assert caught.value.field == "kernel"
