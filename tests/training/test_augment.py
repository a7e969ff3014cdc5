from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from tests.toy_model import toy_digits
from training.augment import _largest_around, _warp, affine_transforms, augment
from training.config import Augmentation

SEED = tf.constant([3, 4], tf.int64)


@pytest.fixture(scope="module")
def pixels() -> Any:
    images, _ = toy_digits(40, seed=5)
    return tf.constant(images[..., None] / 255.0, tf.float32)


def warp(pixels: Any, **amounts: float) -> NDArray[np.float32]:
    values = {"angle_radians": 0.0, "scale_x": 1.0, "scale_y": 1.0, "shear": 0.0, "shift_x_px": 0.0, "shift_y_px": 0.0}
    values |= amounts
    tensors = {key: tf.fill([pixels.shape[0]], np.float32(value)) for key, value in values.items()}
    return _warp(pixels, affine_transforms(**tensors, height=28, width=28)).numpy()


def centre_of_mass(pixels: NDArray[np.float32]) -> NDArray[np.float64]:
    """(N, 2): row and column."""
    weights = pixels[..., 0].astype(np.float64)
    axis = np.arange(28)
    total = weights.sum(axis=(1, 2))
    return np.stack([weights.sum(axis=2) @ axis / total, weights.sum(axis=1) @ axis / total], axis=1)


def test_nothing_asked_nothing_done(pixels: Any) -> None:
    assert np.abs(augment(pixels, Augmentation(), SEED).numpy() - pixels.numpy()).max() < 1e-5


def test_a_quarter_turn_is_clockwise(pixels: Any) -> None:
    turned = warp(pixels, angle_radians=math.pi / 2)
    assert np.abs(turned - np.rot90(pixels.numpy(), k=-1, axes=(1, 2))).max() < 1e-4


def test_a_shift_is_right_and_down(pixels: Any) -> None:
    moved = warp(pixels, shift_x_px=2.0, shift_y_px=1.0)
    assert np.abs(moved[:, 1:, 2:] - pixels.numpy()[:, :-1, :-2]).max() < 1e-5
    assert moved[:, 0].max() == 0.0


def test_scale_is_about_the_centre(pixels: Any) -> None:
    wide = warp(pixels, scale_x=1.3)
    before, after = pixels.numpy()[..., 0].sum(axis=(1, 2)), wide[..., 0].sum(axis=(1, 2))
    assert np.allclose(after / before, 1.3, atol=0.06)
    offset = centre_of_mass(wide) - 13.5
    assert np.allclose(offset, (centre_of_mass(pixels.numpy()) - 13.5) * [1.0, 1.3], atol=0.2)


def test_shear_moves_what_is_below_the_centre_to_the_right() -> None:
    dot = np.zeros((1, 28, 28, 1), np.float32)
    dot[0, 22:25, 12:15] = 1.0  # its centre is 9.5 rows below the picture's
    moved = centre_of_mass(warp(tf.constant(dot), shear=0.4)) - centre_of_mass(dot)
    assert np.allclose(moved, [[0.0, 9.5 * 0.4]], atol=0.05)


def test_order_is_scale_shear_turn_shift() -> None:
    """A dot lands where the matrices say."""
    dot = np.zeros((1, 28, 28, 1), np.float32)
    dot[0, 8:11, 15:18] = 1.0
    x, y = 16 - 13.5, 9 - 13.5
    angle, scale_x, scale_y, shear = 0.4, 1.2, 0.9, 0.3
    x, y = x * scale_x, y * scale_y
    x += shear * y
    x, y = x * math.cos(angle) - y * math.sin(angle), x * math.sin(angle) + y * math.cos(angle)
    moved = warp(
        tf.constant(dot),
        angle_radians=angle,
        scale_x=scale_x,
        scale_y=scale_y,
        shear=shear,
        shift_x_px=1.5,
        shift_y_px=2.5,
    )
    assert np.allclose(centre_of_mass(moved), [[y + 2.5 + 13.5, x + 1.5 + 13.5]], atol=0.1)


AMOUNTS = Augmentation(rotation_degrees=15, scale=0.12, shear=0.2, shift_px=2, stroke=0.3)


def test_the_seed_decides(pixels: Any) -> None:
    first = augment(pixels, AMOUNTS, SEED).numpy()
    assert (first == augment(pixels, AMOUNTS, SEED).numpy()).all()
    other = augment(pixels, AMOUNTS, tf.constant([3, 5], tf.int64)).numpy()
    assert np.abs(first - other).max(axis=(1, 2, 3)).min() > 0.1


def test_each_picture_gets_its_own(pixels: Any) -> None:
    same = tf.repeat(pixels[:1], 20, axis=0)
    changed = augment(same, AMOUNTS, SEED).numpy()
    assert len(np.unique(changed.reshape(20, -1), axis=0)) == 20


def test_pixels_stay_pixels(pixels: Any) -> None:
    changed = augment(pixels, AMOUNTS, SEED).numpy()
    assert changed.shape == pixels.shape
    assert changed.dtype == np.float32
    assert changed.min() >= 0.0
    assert changed.max() <= 1.0 + 1e-6


def test_aspect_widens_and_narrows_at_one_area() -> None:
    square = np.zeros((400, 28, 28, 1), np.float32)
    square[:, 8:20, 8:20] = 1.0
    changed = augment(tf.constant(square), Augmentation(aspect=0.44), SEED).numpy()
    area, width = changed.sum(axis=(1, 2, 3)) / 144, changed.sum(axis=(2, 3)).max(axis=1) / 12
    assert np.abs(area - 1).max() < 0.03
    assert width.max() == pytest.approx(1.2, abs=0.02)
    assert width.min() == pytest.approx(1 / 1.2, abs=0.02)


def test_the_largest_around_is_max_pooling(pixels: Any) -> None:
    assert (_largest_around(pixels).numpy() == tf.nn.max_pool2d(pixels, 3, 1, "SAME").numpy()).all()


def test_texture_is_changed_too(pixels: Any) -> None:
    changed = augment(pixels, Augmentation(grain=1.0), SEED).numpy()
    assert np.abs(changed - pixels.numpy()).max(axis=(1, 2, 3)).mean() > 0.2


def test_strokes_get_thicker_and_thinner(pixels: Any) -> None:
    many = tf.repeat(pixels[:1], 2000, axis=0)
    changed = augment(many, Augmentation(stroke=0.3), SEED).numpy().sum(axis=(1, 2, 3))
    before = float(pixels[:1].numpy().sum())
    thicker, thinner = (changed > before * 1.001).mean(), (changed < before * 0.999).mean()
    assert thicker == pytest.approx(0.3, abs=0.04)
    assert thinner == pytest.approx(0.3, abs=0.04)


def test_the_share_that_is_asked_for_is_mirrored() -> None:
    pictures = np.zeros((400, 6, 6, 3), np.float32)
    pictures[:, 1, 4] = [0.2, 0.4, 0.8]
    changed = augment(tf.constant(pictures), Augmentation(flip=0.25), SEED).numpy()
    flipped = np.abs(changed[:, 1, 1] - [0.2, 0.4, 0.8]).max(axis=1) < 1e-5
    assert 0.18 < flipped.mean() < 0.32
    assert np.abs(changed[~flipped] - pictures[~flipped]).max() < 1e-5
