"""Maps as pictures on one scale, grids, sheets, and in which form an answer goes out."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from service.errors import InvalidParameterError, NotApplicableError
from service.inspection import activations, dreaming, formats, kernels, sheets, tiles
from service.inspection.sheets import Tile


def opened(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def test_maps_share_one_scale() -> None:
    faint, strong = np.array([[0.0, 1.0]], np.float32), np.array([[2.0, 4.0]], np.float32)
    first, second = tiles.painted([faint, strong], "grey")
    assert first.tolist() == [[0, 64]]
    assert second.tolist() == [[128, 255]]
    brightness = [int(one.sum(axis=2).max()) for one in tiles.painted([faint, strong], "heat")]
    assert brightness[0] < brightness[1]


def test_signs_are_told_apart_and_nothing_is_white() -> None:
    (painted,) = tiles.painted([np.array([[-2.0, 0.0, 2.0]], np.float32)], "signed")
    below, nothing, above = painted[0].astype(int)
    assert nothing.tolist() == [255, 255, 255]
    assert below[0] > below[2]  # orange
    assert above[2] > above[0]  # blue


@pytest.mark.parametrize("scale", ["grey", "heat", "signed"])
def test_a_map_of_zeros_is_a_picture_too(scale: tiles.Scale) -> None:
    (painted,) = tiles.painted([np.zeros((2, 3), np.float32)], scale)
    assert len(np.unique(painted.reshape(6, -1), axis=0)) == 1


def test_an_overlay_shows_the_picture_where_the_map_says_nothing() -> None:
    picture = np.full((4, 4), 200, np.uint8)
    found = np.zeros((4, 4), np.float32)
    found[0, 0] = 3.0
    over = tiles.overlaid(picture, found, "signed", 0.75, 40)
    assert over.shape == (40, 40, 3)
    assert over[-1, -1].tolist() == [200, 200, 200]
    assert over[0, 0, 2] > over[0, 0, 0]


def test_a_grid_has_a_row_for_each_input_channel() -> None:
    kernel = np.zeros((3, 3, 2, 4), np.float32)
    kernel[..., 1, 2] = 1.0
    grid = opened(kernels.grid({"name": "conv2"}, kernel, (9, 9, 2)))
    height, width = grid.shape[:2]
    assert width / height == pytest.approx(17 / 9, rel=0.01)
    bright = np.argwhere(grid[..., 0] == 255)
    assert bright[:, 0].min() > height / 2
    assert width / 2 < bright[:, 1].min() < bright[:, 1].max() < 3 * width / 4


def test_dense_weights_are_pictures_where_they_see_one() -> None:
    weights = np.arange(12, dtype=np.float32).reshape(6, 2)
    grid = opened(kernels.grid({"name": "dense1"}, weights, (2, 3, 1)))
    assert grid.shape[0] == pytest.approx(grid.shape[1] * 4 / 9, rel=0.01)
    with pytest.raises(NotApplicableError, match="dense2"):
        kernels.grid({"name": "dense2"}, weights, (6,))


def test_statistics_of_channels() -> None:
    values = np.array([[[0.0, 1.0], [2.0, -1.0]]], np.float32)
    assert activations.statistics(values) == [
        {"channel": 0, "mean": 1.0, "maximum": 2.0, "zeros": 0.5},
        {"channel": 1, "mean": 0.0, "maximum": 1.0, "zeros": 0.0},
    ]


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("shape", [(5, 5, 3), (40,)])
def test_a_sheet_of_activations(shape: tuple[int, ...], layers: int) -> None:
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    sheet = opened(activations.sheet([values] * layers, [0, 2], np.zeros((28, 28), np.uint8)))
    assert sheet.shape[1] > 200
    assert len(np.unique(sheet)) > 5


def test_a_sheet_sets_its_tiles_row_by_row() -> None:
    shades = [np.full((4, 4), shade, np.uint8) for shade in (10, 90, 200)]
    sheet = opened(sheets.sheet([Tile("one", shade) for shade in shades], columns=2, tile_px=40))
    tile_height, tile_width = sheet.shape[0] // 2, sheet.shape[1] // 2
    middle = [sheet[20, 28, 0], sheet[20, tile_width + 28, 0], sheet[tile_height + 20, 28, 0]]
    assert middle == [10, 90, 200]
    assert sheet[tile_height + 20, tile_width + 28, 0] == 255


def test_forms() -> None:
    def best(accepted: str) -> formats.Format:
        return formats.chosen(None, lambda offered: accepted if accepted in offered else None, ("json", "npy", "png"))

    assert best("image/png") == "png"
    assert best("application/x-npy") == "npy"
    assert best("text/plain") == "json"
    assert formats.chosen("npy", lambda _: "image/png", ("json", "npy", "png")) == "npy"
    with pytest.raises(InvalidParameterError, match="json, png"):
        formats.chosen("npy", lambda _: None, ("json", "png"))


def test_numbers_are_as_exact_as_they_are() -> None:
    values = np.array([[0.0, 1 / 3, -123456.78], [1e-20, 3e8, -0.1]], np.float32)
    assert np.allclose(formats.numbers(values), values, rtol=1e-5)
    assert formats.numbers(np.array([0.1], np.float32)) == [0.1]
    assert np.load(io.BytesIO(formats.npy(values))).tolist() == values.tolist()


@pytest.mark.parametrize(("steps", "octaves"), [(60, 3), (1, 3), (7, 2), (100, 1)])
def test_a_dream_takes_all_its_steps_in_short_calls(steps: int, octaves: int) -> None:
    stretches = list(dreaming.plan(steps, octaves))
    assert sum(stretch.steps for stretch in stretches) == steps
    assert all(1 <= stretch.steps <= dreaming.STEPS_A_CALL for stretch in stretches)
    shares = [stretch.share for stretch in stretches]
    assert shares == sorted(shares)
    assert set(shares) <= set(dreaming.OCTAVES[-octaves:])
    assert shares[-1] == 1.0


def test_noise_is_faint_and_repeats_by_its_seed() -> None:
    noise = dreaming.noise((28, 28, 1), 5)
    assert noise.shape == (1, 28, 28, 1)
    assert noise.dtype == np.float32
    assert 0.0 <= noise.min() < noise.max() <= 0.2
    assert (noise == dreaming.noise((28, 28, 1), 5)).all()
    assert (noise != dreaming.noise((28, 28, 1), 6)).any()
