"""Clothes and photographs, as the models trained on them know them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from service.errors import UndecodablePictureError
from service.images import read_for, suits, trace_for
from service.images.things import coloured, fitted, on_black, trimmed
from tests.unit.images.encoded import encode
from training.data.own.pictures import read_pixels

GREY, COLOUR = (28, 28, 1), (32, 32, 3)


def shirt(side: int, ink: int, ground: int, at: tuple[int, int] = (0, 0)) -> np.ndarray:
    """A block twice as high as wide, somewhere on plain ground."""
    picture = np.full((side, side), ground, np.uint8)
    top, left = at
    picture[top : top + side // 2, left : left + side // 4] = ink
    return picture


@pytest.mark.parametrize(
    ("name", "shape", "known"),
    [
        ("mnist", GREY, True),
        ("mnist", (32, 32, 1), False),
        ("fashion", GREY, True),
        ("fashion", (64, 48, 1), True),
        ("fashion", COLOUR, False),
        ("resize", GREY, True),
        ("resize", COLOUR, True),
        ("resize", (8, 8, 2), False),
        ("resize", (8,), False),
        ("none", GREY, False),
    ],
)
def test_what_suits_what(name: str, shape: tuple[int, ...], known: bool) -> None:
    assert suits(name, shape) is known


@pytest.mark.parametrize(("ink", "ground"), [(60, 255), (200, 20)])
@pytest.mark.parametrize("at", [(0, 0), (40, 130)])
def test_a_garment_fills_the_height_in_the_middle_of_black(ink: int, ground: int, at: tuple[int, int]) -> None:
    image, warnings = read_for("fashion", GREY, encode(shirt(200, ink, ground, at)))
    assert (image.shape, image.dtype.name, list(warnings)) == (GREY, "uint8", [])
    light = 255 - ink if ground > ink else ink
    assert np.flatnonzero(image[:, :, 0].any(axis=1)).tolist() == list(range(28))
    assert np.flatnonzero(image[:, :, 0].any(axis=0)).tolist() == list(range(7, 21))
    assert set(np.unique(image[:, 7:21])) == {light}


def test_what_has_the_size_already_is_left_alone() -> None:
    rng = np.random.default_rng(1)
    grey = rng.integers(0, 256, (28, 28), np.uint8)
    for name in ("fashion", "resize"):
        assert np.array_equal(read_for(name, GREY, encode(grey))[0][:, :, 0], grey)
    colours = rng.integers(0, 256, (32, 32, 3), np.uint8)
    assert np.array_equal(read_for("resize", COLOUR, encode(colours))[0], colours)


@pytest.mark.parametrize("size", [(64, 64), (200, 320), (61, 47), (10, 90)])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_photograph_becomes_what_training_makes_of_it(size: tuple[int, int], channels: int, tmp_path: Path) -> None:
    photo = np.random.default_rng(2).integers(0, 256, (*size, 3), np.uint8)
    file = tmp_path / "photo.png"
    file.write_bytes(encode(photo))
    image, _ = read_for("resize", (32, 32, channels), file.read_bytes())
    assert image.shape == (32, 32, channels)
    # Whoever makes the luminance may round it the other way.
    np.testing.assert_allclose(image.astype(int), read_pixels(file, channels == 1, (32, 32)), atol=channels % 3)


def test_grey_becomes_colour_and_colour_its_luminance() -> None:
    grey = np.full((50, 50), 90, np.uint8)
    assert np.array_equal(read_for("resize", COLOUR, encode(grey))[0], np.full(COLOUR, 90))
    green = np.zeros((50, 50, 3), np.uint8)
    green[..., 1] = 255
    expected = int(cv2.cvtColor(green, cv2.COLOR_RGB2GRAY)[0, 0])
    assert np.array_equal(read_for("resize", GREY, encode(green))[0], np.full(GREY, expected))


@pytest.mark.parametrize(
    ("name", "shape", "picture", "names"),
    [
        ("fashion", GREY, shirt(300, 50, 250), ["given", "on_black", "trimmed", "fitted"]),
        ("fashion", GREY, np.zeros((28, 28, 3), np.uint8), ["given", "fitted"]),
        ("resize", COLOUR, np.zeros((900, 600, 3), np.uint8), ["given", "resized"]),
        ("mnist", GREY, shirt(300, 50, 250), ["given"]),
    ],
)
def test_every_step_can_be_looked_at(name: str, shape: tuple[int, ...], picture: np.ndarray, names: list[str]) -> None:
    traced = trace_for(name, shape, encode(picture))
    found = [step.name for step in traced.steps]
    assert found[: len(names)] == names if name == "mnist" else [step for step in found if step != "luminance"] == names
    assert (traced.quality is not None) == (name == "mnist")
    assert (traced.height, traced.width) == picture.shape[:2]
    assert traced.image.shape == shape
    assert max(max(step.image.shape) for step in traced.steps) <= 512
    assert np.array_equal(traced.image, read_for(name, shape, encode(picture))[0])


def test_nothing_but_ground_stays_whole() -> None:
    plain = np.full((40, 60), 200, np.uint8)
    assert np.array_equal(trimmed(on_black(plain)), np.full((40, 60), 55))
    assert read_for("fashion", GREY, encode(plain))[0].shape == GREY


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (27, 28), (3, 2)])
@pytest.mark.parametrize(("name", "shape"), [("fashion", GREY), ("resize", COLOUR), ("resize", (10, 40, 1))])
def test_any_size_will_do(name: str, shape: tuple[int, ...], size: tuple[int, int]) -> None:
    assert read_for(name, shape, encode(np.full(size, 130, np.uint8)))[0].shape == shape


def test_steps_alone() -> None:
    wide = np.arange(12, dtype=np.uint8).reshape(2, 6)
    assert fitted(np.full((2, 4), 9, np.uint8), 4, 4).tolist() == [[0] * 4, [9] * 4, [9] * 4, [0] * 4]
    assert coloured(wide, 3).shape == (2, 6, 3)


def test_a_damaged_file_is_refused() -> None:
    with pytest.raises(UndecodablePictureError):
        read_for("resize", COLOUR, encode(np.zeros((50, 50), np.uint8))[:60])
