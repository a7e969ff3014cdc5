from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.toy_model import toy_digits
from training.augment import _largest_around, affine_sources, augment, warp
from training.config import Augmentation

SEED = (3, 4)
Images = NDArray[np.uint8]


@pytest.fixture(scope="module")
def images() -> Images:
    return toy_digits(40, seed=5)[0][..., None]


def changed_by(images: Images, **amounts: float) -> NDArray[np.float64]:
    """In [0, 1], to half a level of grey."""
    values = {"angle_radians": 0.0, "scale_x": 1.0, "scale_y": 1.0, "shear": 0.0, "shift_x_px": 0.0, "shift_y_px": 0.0}
    values |= amounts
    each = {key: np.full((len(images), 1, 1), value, np.float32) for key, value in values.items()}
    return warp(images, *affine_sources(**each, height=28, width=28)) / 255.0


def centre_of_mass(pixels: NDArray[Any]) -> NDArray[np.float64]:
    """(N, 2): row and column."""
    weights = pixels[..., 0].astype(np.float64)
    axis = np.arange(28)
    total = weights.sum(axis=(1, 2))
    return np.stack([weights.sum(axis=2) @ axis / total, weights.sum(axis=1) @ axis / total], axis=1)


def ink(images: NDArray[Any]) -> NDArray[np.float64]:
    return images.sum(axis=(1, 2, 3), dtype=np.float64)


def test_nothing_asked_nothing_done(images: Images) -> None:
    assert (augment(images, Augmentation(), SEED) == images).all()
    in_colour = np.random.default_rng(1).integers(0, 256, (1100, 32, 30, 3), dtype=np.uint8)  # more than a sheet holds
    assert (augment(in_colour, Augmentation(), SEED) == in_colour).all()


def test_a_quarter_turn_is_clockwise(images: Images) -> None:
    turned = changed_by(images, angle_radians=math.pi / 2)
    assert np.abs(turned - np.rot90(images, k=-1, axes=(1, 2)) / 255.0).max() < 0.01


def test_a_shift_is_right_and_down(images: Images) -> None:
    moved = changed_by(images, shift_x_px=2.0, shift_y_px=1.0)
    assert np.abs(moved[:, 1:, 2:] - images[:, :-1, :-2] / 255.0).max() < 0.005
    assert moved[:, 0].max() == 0.0


def test_scale_is_about_the_centre(images: Images) -> None:
    wide = changed_by(images, scale_x=1.3)
    assert np.allclose(ink(wide) / ink(images / 255.0), 1.3, atol=0.06)
    offset = centre_of_mass(wide) - 13.5
    assert np.allclose(offset, (centre_of_mass(images) - 13.5) * [1.0, 1.3], atol=0.2)


def test_shear_moves_what_is_below_the_centre_to_the_right() -> None:
    dot = np.zeros((1, 28, 28, 1), np.uint8)
    dot[0, 22:25, 12:15] = 255  # its centre is 9.5 rows below the picture's
    moved = centre_of_mass(changed_by(dot, shear=0.4)) - centre_of_mass(dot)
    assert np.allclose(moved, [[0.0, 9.5 * 0.4]], atol=0.05)


def test_order_is_scale_shear_turn_shift() -> None:
    """A dot lands where the matrices say."""
    dot = np.zeros((1, 28, 28, 1), np.uint8)
    dot[0, 8:11, 15:18] = 255
    x, y = 16 - 13.5, 9 - 13.5
    angle, scale_x, scale_y, shear = 0.4, 1.2, 0.9, 0.3
    x, y = x * scale_x, y * scale_y
    x += shear * y
    x, y = x * math.cos(angle) - y * math.sin(angle), x * math.sin(angle) + y * math.cos(angle)
    moved = changed_by(
        dot, angle_radians=angle, scale_x=scale_x, scale_y=scale_y, shear=shear, shift_x_px=1.5, shift_y_px=2.5
    )
    assert np.allclose(centre_of_mass(moved), [[y + 2.5 + 13.5, x + 1.5 + 13.5]], atol=0.1)


def test_no_picture_sees_its_neighbours() -> None:
    pictures = np.zeros((1800, 28, 28, 1), np.uint8)
    pictures[::2] = 255
    amounts = Augmentation(rotation_degrees=45, scale=0.3, shear=0.4, shift_px=9, aspect=0.5, elastic_px=4)
    changed = augment(pictures, amounts, SEED)
    assert changed[1::2].max() == 0
    assert changed[::2].max(axis=(1, 2, 3)).min() == 255


def test_bending_moves_neighbours_alike_and_far_parts_differently() -> None:
    dots = np.zeros((600, 28, 28, 1), np.uint8)
    places = [(6, 6), (6, 9), (20, 20)]
    centres = []
    for row, column in places:
        dots[:] = 0
        dots[:, row - 1 : row + 2, column - 1 : column + 2] = 255
        centres.append(centre_of_mass(augment(dots, Augmentation(elastic_px=1.5), SEED)) - [row, column])
    here, beside, far = centres
    assert np.abs(np.stack(centres)).max() < 2.2
    assert here.std() > 0.4
    assert np.abs(here.mean(axis=0)).max() < 0.1
    assert np.corrcoef(here.ravel(), beside.ravel())[0, 1] > 0.7
    assert abs(np.corrcoef(here.ravel(), far.ravel())[0, 1]) < 0.15


AMOUNTS = Augmentation(rotation_degrees=15, scale=0.12, shear=0.2, shift_px=2, stroke=0.3, elastic_px=1)


def test_the_seed_decides(images: Images) -> None:
    before = images.copy()
    first = augment(images, AMOUNTS, SEED)
    assert (first == augment(images, AMOUNTS, SEED)).all()
    other = augment(images, AMOUNTS, (3, 5))
    assert np.abs(first.astype(int) - other).max(axis=(1, 2, 3)).min() > 25
    assert (images == before).all()


def test_each_picture_gets_its_own(images: Images) -> None:
    changed = augment(np.repeat(images[:1], 20, axis=0), AMOUNTS, SEED)
    assert len(np.unique(changed.reshape(20, -1), axis=0)) == 20
    assert changed.dtype == np.uint8


def test_aspect_widens_and_narrows_at_one_area() -> None:
    square = np.zeros((400, 28, 28, 1), np.uint8)
    square[:, 8:20, 8:20] = 255
    changed = augment(square, Augmentation(aspect=0.44), SEED) / 255.0
    width = changed.sum(axis=(2, 3)).max(axis=1) / 12
    assert np.abs(ink(changed) / 144 - 1).max() < 0.03
    assert width.max() == pytest.approx(1.2, abs=0.02)
    assert width.min() == pytest.approx(1 / 1.2, abs=0.02)


def test_the_largest_around_is_dilation(images: Images) -> None:
    pixels = images.astype(np.float32)
    for picture, dilated in zip(pixels, _largest_around(pixels), strict=True):
        assert (dilated[..., 0] == cv2.dilate(picture[..., 0], np.ones((3, 3)))).all()


def test_texture_is_changed_too(images: Images) -> None:
    changed = augment(images, Augmentation(grain=1.0), SEED).astype(int)
    assert np.abs(changed - images).max(axis=(1, 2, 3)).mean() > 50


def test_strokes_get_thicker_and_thinner(images: Images) -> None:
    changed = ink(augment(np.repeat(images[:1], 2000, axis=0), Augmentation(stroke=0.3), SEED))
    before = float(ink(images[:1])[0])
    assert (changed > before * 1.001).mean() == pytest.approx(0.3, abs=0.04)
    assert (changed < before * 0.999).mean() == pytest.approx(0.3, abs=0.04)


def test_the_share_that_is_asked_for_is_mirrored() -> None:
    pictures = np.zeros((400, 6, 6, 3), np.uint8)
    pictures[:, 1, 4] = [50, 100, 200]
    changed = augment(pictures, Augmentation(flip=0.25), SEED)
    flipped = (changed[:, 1, 1] == [50, 100, 200]).all(axis=1)
    assert 0.18 < flipped.mean() < 0.32
    assert (changed[~flipped] == pictures[~flipped]).all()
