from __future__ import annotations

import numpy as np
import pytest

from training.glyphs import DIGITS, STRANGERS, Glyph
from training.resampling import area_weights, gaussian_weights, interpolation_weights
from training.strokes import centred, draw, smooth, write_glyph

EVERY_GLYPH = [*(glyph for shapes in DIGITS for glyph in shapes), *STRANGERS]


@pytest.mark.parametrize("glyph", EVERY_GLYPH, ids=str)
def test_both_forms_of_a_glyph_have_the_same_strokes(glyph: Glyph) -> None:
    form, other = glyph.form.split(";"), glyph.other.split(";")
    assert [len(stroke.split()) for stroke in form] == [len(stroke.split()) for stroke in other]
    assert [stroke.startswith("~") for stroke in form] == [stroke.startswith("~") for stroke in other]
    assert all(len(stroke.split()) >= 2 for stroke in form)


def test_every_digit_has_shapes() -> None:
    assert len(DIGITS) == 10
    assert all(len(shapes) >= 2 for shapes in DIGITS)


def test_a_glyph_is_written_between_its_forms(rng: np.random.Generator) -> None:
    glyph = Glyph("0,0 0,10", "4,0 4,10")
    written = np.array([write_glyph(glyph, rng)[0] for _ in range(400)])
    middles = written[..., 0].mean(axis=1)
    assert middles.mean() == pytest.approx(2.0, abs=0.3)
    assert middles.min() > -1.8
    assert middles.max() < 5.8
    assert middles.std() > 0.8
    assert written[:, 0, 1].std() == pytest.approx(0.25, abs=0.05)


def test_a_smooth_path_passes_through_its_points_without_corners() -> None:
    points = np.array([[0.0, 0.0], [4.0, 1.0], [5.0, 6.0], [0.0, 8.0]])
    path = smooth(points)
    assert path.shape == (16, 2)
    assert np.allclose(path[::5], points)
    steps = np.diff(path, axis=0)
    directions = np.unwrap(np.arctan2(steps[:, 1], steps[:, 0]))
    assert np.abs(np.diff(directions)).max() < 0.7


def test_drawings_are_in_mnists_canon(rng: np.random.Generator) -> None:
    pictures = draw([write_glyph(glyph, rng) for glyph in EVERY_GLYPH], rng)
    assert pictures.shape == (len(EVERY_GLYPH), 28, 28)
    assert pictures.dtype == np.uint8
    assert (pictures.max(axis=(1, 2)) >= 128).all()
    for picture in pictures:
        rows, columns = (np.flatnonzero((picture > 40).any(axis=axis)) for axis in (1, 0))
        assert 17 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= 22
        weights = picture.astype(float)
        centre = [weights.sum(axis=1) @ np.arange(28), weights.sum(axis=0) @ np.arange(28)] / weights.sum()
        assert np.abs(centre - 14).max() <= 0.5


def test_ink_lies_where_the_pen_went() -> None:
    corner = [np.array([[0.0, 0.0], [0.0, 10.0], [10.0, 10.0]])]
    picture = draw([corner] * 40, np.random.default_rng(3)).astype(float).mean(axis=0)
    assert picture[14:, :10].mean() > 2 * picture[:10, 14:].mean()
    assert picture[18:, 18:].mean() > 2 * picture[:10, 14:].mean()


def test_pens_are_thin_and_broad(rng: np.random.Generator) -> None:
    bar = [np.array([[0.0, 0.0], [0.0, 10.0]])]
    widths = draw([bar] * 200, rng).sum(axis=(1, 2)) / 255 / 20  # ink over length
    assert widths.min() < 1.8
    assert widths.max() > 4.0


def test_the_generator_decides() -> None:
    drawing = write_glyph(DIGITS[4][0], np.random.default_rng(1))
    first, again = (draw([drawing] * 3, np.random.default_rng(5)) for _ in range(2))
    assert (first == again).all()
    assert not (first[0] == first[1]).all()


def test_centring_moves_whole_pixels_and_loses_none() -> None:
    picture = np.zeros((1, 28, 28), np.uint8)
    picture[0, 6:16, 12:22] = 200
    moved = centred(picture)
    assert (moved == np.roll(picture, (4, -2), (1, 2))).all()  # the centre was (10.5, 16.5); at most four pixels


def test_area_weights_average() -> None:
    assert area_weights(4, 2).tolist() == [[0.5, 0.5, 0.0, 0.0], [0.0, 0.0, 0.5, 0.5]]
    assert area_weights(2, 3) @ [3.0, 9.0] == pytest.approx([3.0, 6.0, 9.0])
    assert np.allclose(area_weights(28, 17).sum(axis=1), 1.0)


def test_gaussian_weights_blur() -> None:
    weights = gaussian_weights(28, 1.5)
    assert np.allclose(weights.sum(axis=1), 1.0)
    spread = weights[14] @ (np.arange(28) - 14.0) ** 2
    assert spread == pytest.approx(1.5**2, rel=0.01)


def test_interpolation_weights_draw_lines() -> None:
    assert interpolation_weights(3, 5) @ [0.0, 4.0, 2.0] == pytest.approx([0.0, 2.0, 4.0, 3.0, 2.0])
