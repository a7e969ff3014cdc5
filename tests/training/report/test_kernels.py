from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from training.report.kernels import kernel_sheets
from training.report.pictures import ink_url, png_url


def decoded(url: str) -> NDArray[np.uint8]:
    head, _, data = url.partition(",")
    assert head == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


def layers(*names: str) -> list[dict[str, str]]:
    return [{"name": name} for name in names]


def test_all_kernels_of_a_layer_are_on_one_grey_scale() -> None:
    kernel = np.zeros((3, 3, 1, 2), np.float32)
    kernel[0, 0, 0, 0], kernel[1, 1, 0, 0], kernel[2, 2, 0, 1] = 2.0, -2.0, 1.0
    (sheet,) = kernel_sheets(
        {"conv1/kernel": kernel, "conv1/bias": np.zeros(2, np.float32)}, layers("conv1"), (28, 28, 1)
    )
    first, second = (decoded(tile) for tile in sheet.tiles)
    assert (first[0, 0], first[1, 1], first[0, 1], second[2, 2]) == (255, 0, 128, 191)
    assert (sheet.limit, sheet.shown, sheet.there, sheet.clipped) == (2.0, 2, 2, 0.0)


def test_kernels_on_colours_are_in_colour() -> None:
    kernel = np.zeros((1, 1, 3, 1), np.float32)
    kernel[0, 0, :, 0] = (1.0, -1.0, 0.0)
    (sheet,) = kernel_sheets({"conv1/kernel": kernel}, layers("conv1"), (32, 32, 3))
    assert decoded(sheet.tiles[0])[0, 0].tolist() == [255, 0, 128]


def test_a_dense_layer_on_the_input_is_pictures_of_it(rng: np.random.Generator) -> None:
    kernel = rng.normal(size=(12, 100)).astype(np.float32)
    kernel[:, 7] *= 10.0
    (sheet,) = kernel_sheets(
        {"dense1/kernel": kernel, "logits/kernel": kernel}, layers("flatten1", "dense1", "logits"), (3, 4, 1)
    )
    assert (sheet.size, sheet.shown, sheet.there) == ("3 × 4", 64, 100)
    assert decoded(sheet.tiles[0]).shape == (3, 4)
    assert 0.0 < sheet.clipped < 0.01


def test_the_second_convolution_is_a_sheet_with_nothing_between_kernels(rng: np.random.Generator) -> None:
    filters = {
        "conv1/kernel": rng.normal(size=(3, 3, 1, 4)).astype(np.float32),
        "conv2/kernel": rng.normal(size=(3, 3, 4, 100)).astype(np.float32),
        "conv3/kernel": rng.normal(size=(3, 3, 100, 2)).astype(np.float32),
    }
    first, second = kernel_sheets(filters, layers("conv1", "pool1", "conv2", "conv3"), (28, 28, 1))
    assert (first.layer, second.layer) == ("conv1", "conv2")
    pixels = decoded(second.sheet)
    assert pixels.shape == (4 * 4 - 1, 48 * 4 - 1, 2)
    assert (second.sheet_height, second.sheet_width) == pixels.shape[:2]
    assert (second.shown, second.there) == (48, 100)
    assert not pixels[3, :, 1].any()
    assert (pixels[:3, :3, 1] == 255).all()
    expected = 127.5 + 127.5 * filters["conv2/kernel"][1, 2, 3, 5] / second.limit
    assert pixels[3 * 4 + 1, 5 * 4 + 2, 0] == pytest.approx(expected, abs=0.51)


def test_nothing_that_can_be_shown(rng: np.random.Generator) -> None:
    assert kernel_sheets({}, layers("conv1"), (28, 28, 1)) == []
    assert (
        kernel_sheets({"dense1/kernel": rng.normal(size=(5, 3)).astype(np.float32)}, layers("dense1"), (28, 28, 1))
        == []
    )
    assert (
        kernel_sheets({"conv1/kernel": np.zeros((2, 2, 1, 1), np.float32)}, layers("conv1"), (28, 28, 1))[0].limit
        == 0.0
    )


def test_grey_pictures_are_ink_on_nothing() -> None:
    image = np.array([[[0], [255]], [[40], [0]]], np.uint8)
    assert decoded(ink_url(image)).tolist() == [[[0, 0], [0, 255]], [[0, 40], [0, 0]]]
    colour = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    assert np.array_equal(decoded(ink_url(colour)), colour)
    assert decoded(png_url(image[..., 0])).tolist() == [[0, 255], [40, 0]]
