"""Pictures made by code for training: digits in shapes that MNIST hardly has, and things that are no digit.

Nothing here has been drawn or photographed by anybody but the writers of the training digits it is given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from training.glyphs import DIGITS, STRANGERS
from training.resampling import area_weights, interpolation_weights
from training.strokes import INK_PX, SIDE_PX, centred, draw, smooth, write_glyph

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Pictures = NDArray[np.uint8]  # (N, 28, 28)

# Shapes most often misread get more pages than the rest: 1 with its upstroke, 4, 7 with its bar, then 0 and 6.
_DIGIT_SHARES = np.array([0.12, 0.20, 0.06, 0.06, 0.18, 0.06, 0.12, 0.10, 0.05, 0.05])
# Which digits are none any more when mirrored, and when turned by a quarter.
_MIRRORED, _TURNED = (3, 4, 6, 7, 9), (2, 3, 4, 5, 6, 7, 9)
_MARGIN_PX = (SIDE_PX - INK_PX) // 2


def rare_digits(count: int, seed: int) -> tuple[Pictures, NDArray[np.uint8]]:
    """`count` drawn digits uint8 (N, 28, 28) with their labels (N,). About half a millisecond each."""
    rng = np.random.default_rng([seed, 1])
    labels = rng.choice(10, count, p=_DIGIT_SHARES / _DIGIT_SHARES.sum()).astype(np.uint8)
    shapes = [DIGITS[label][rng.integers(len(DIGITS[label]))] for label in labels]
    return draw([write_glyph(shape, rng) for shape in shapes], rng), labels


def outliers(count: int, images: Pictures, labels: NDArray[np.uint8], seed: int) -> Pictures:
    """`count` pictures uint8 (N, 28, 28) without a digit, or with several; some composed of training digits
    `images` (M, 28, 28) with `labels` (M,). In no order; under a millisecond each.
    """
    rng = np.random.default_rng([seed, 2])
    of = images.reshape(-1, SIDE_PX, SIDE_PX)
    shares: tuple[tuple[float, Callable[[int], Pictures]], ...] = (
        (0.36, lambda n: _strangers(n, rng)),
        (0.09, lambda n: _scribbles(n, rng)),
        (0.13, lambda n: _several(n, of, rng)),
        (0.05, lambda n: _on_top_of_each_other(n, of, rng)),
        (0.06, lambda n: _shuffled_quarters(n, of, rng)),
        (0.08, lambda n: _mirrored_or_turned(n, of, labels, rng)),
        (0.10, lambda n: _silhouettes(n, rng)),
        (0.10, lambda n: _textures(n, rng)),
        (0.03, lambda n: _noise(n, rng)),
    )
    counts = [int(share * count) for share, _ in shares]
    counts[0] += count - sum(counts)
    made = np.concatenate([make(number) for number, (_, make) in zip(counts, shares, strict=True) if number])
    return made[rng.permutation(count)]


def fitted(picture: NDArray[np.uint8]) -> Pictures:
    """The ink of `picture` uint8 (H, W) with its longer side made 20 pixels, in the middle of uint8 (28, 28)."""
    rows, columns = np.flatnonzero(picture.any(axis=1)), np.flatnonzero(picture.any(axis=0))
    result = np.zeros((SIDE_PX, SIDE_PX), np.uint8)
    if len(rows) == 0:
        return result
    ink = picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    longest = max(ink.shape)
    height, width = (max(1, round(side * INK_PX / longest)) for side in ink.shape)
    small = area_weights(ink.shape[0], height) @ ink @ area_weights(ink.shape[1], width).T
    top, left = (SIDE_PX - height) // 2, (SIDE_PX - width) // 2
    result[top : top + height, left : left + width] = np.rint(small * 255.0 / max(small.max(), 1.0))
    return result


def _strangers(count: int, rng: np.random.Generator) -> Pictures:
    shapes = [STRANGERS[which] for which in rng.integers(len(STRANGERS), size=count)]
    return draw([write_glyph(shape, rng) for shape in shapes], rng)


def _scribbles(count: int, rng: np.random.Generator) -> Pictures:
    """One to three strokes that go nowhere in particular; never a single simple one, which may well be a 1."""
    drawings = []
    for _ in range(count):
        strokes = int(rng.integers(1, 4))
        sizes = rng.integers(7, 14, strokes) if strokes == 1 else rng.integers(3, 8, strokes)
        points = [rng.uniform(0.0, 10.0, (size, 2)) for size in sizes]
        drawings.append([smooth(path) if rng.random() < 0.7 else path for path in points])
    return draw(drawings, rng)


def _several(count: int, of: Pictures, rng: np.random.Generator) -> Pictures:
    """Two to five digits in a row, or two rows of them."""
    made = []
    for _ in range(count):
        number = int(rng.choice([2, 2, 2, 3, 3, 4, 5]))
        row = _row(number, of, rng)
        if number > 2 and rng.random() < 0.15:
            below = _row(number, of, rng)
            width = max(row.shape[1], below.shape[1])
            row = np.concatenate([np.pad(part, ((0, 4), (0, width - part.shape[1]))) for part in (row, below)])
        made.append(fitted(row))
    return centred(np.stack(made))


def _row(number: int, of: Pictures, rng: np.random.Generator) -> Pictures:
    parts = []
    for which in rng.integers(len(of), size=number):
        columns = np.flatnonzero(of[which].any(axis=0))
        digit = np.roll(of[which][:, columns[0] : columns[-1] + 1], rng.integers(-2, 3), axis=0)
        parts.append(np.pad(digit, ((0, 0), (int(rng.integers(0, 7)), 0))))
    return np.concatenate(parts, axis=1)


def _on_top_of_each_other(count: int, of: Pictures, rng: np.random.Generator) -> Pictures:
    """Two digits written over one another, beside the point by some pixels."""
    first, second = (of[rng.integers(len(of), size=count)] for _ in range(2))
    shifts = rng.choice([-5, -4, -3, 3, 4, 5], (count, 2))
    moved = np.stack([np.roll(picture, shift, (0, 1)) for picture, shift in zip(second, shifts, strict=True)])
    return np.stack([fitted(picture) for picture in np.maximum(first, moved)])


def _shuffled_quarters(count: int, of: Pictures, rng: np.random.Generator) -> Pictures:
    """Four quarters of ink, of one digit or of four, none of them in its own place."""
    middle = SIDE_PX // 2
    places = [(slice(0, middle), slice(0, middle)), (slice(0, middle), slice(middle, None)),
              (slice(middle, None), slice(0, middle)), (slice(middle, None), slice(middle, None))]  # fmt: skip
    made = np.zeros((count, SIDE_PX, SIDE_PX), np.uint8)
    orders = ((1, 0, 3, 2), (2, 3, 0, 1), (3, 2, 1, 0), (1, 2, 3, 0))
    for picture in made:
        whose = rng.integers(len(of), size=4) if rng.random() < 0.5 else np.repeat(rng.integers(len(of)), 4)
        for place, (source, digit) in enumerate(zip(orders[rng.integers(4)], whose, strict=True)):
            picture[places[place]] = of[digit][places[source]]
    return np.stack([fitted(picture) for picture in made])


def _mirrored_or_turned(count: int, of: Pictures, labels: NDArray[np.uint8], rng: np.random.Generator) -> Pictures:
    mirrored = rng.choice(np.flatnonzero(np.isin(labels, _MIRRORED)), count // 2)
    turned = rng.choice(np.flatnonzero(np.isin(labels, _TURNED)), count - count // 2)
    quarters = np.where(rng.random(len(turned)) < 0.5, 1, 3)
    return np.concatenate(
        [of[mirrored][:, :, ::-1], np.stack([np.rot90(of[i], k) for i, k in zip(turned, quarters, strict=True)])]
    )


def _silhouettes(count: int, rng: np.random.Generator) -> Pictures:
    """Filled shapes: things rather than strokes. Half of them are symmetrical, as clothes and vessels are."""
    y, x = np.mgrid[0:SIDE_PX, 0:SIDE_PX].astype(np.float64)
    angles = np.arctan2(y - 13.5, x - 13.5)
    radius = np.hypot(x - 13.5, y - 13.5)
    made = []
    for _ in range(count):
        if rng.random() < 0.5:
            profile = np.interp(np.arange(20), np.linspace(0, 19, 6), rng.uniform(3.0, 10.0, 6))
            half = np.zeros((SIDE_PX, 1))
            half[_MARGIN_PX:-_MARGIN_PX, 0] = profile
            inside = np.abs(x - 13.5) < half
            if rng.random() < 0.4:  # legs
                inside &= (np.abs(x - 13.5) > rng.uniform(0.5, 2.0)) | (y < rng.uniform(6, 16))
        else:
            waves, phases = rng.uniform(0.0, 0.25, 5), rng.uniform(0.0, 2 * np.pi, 5)
            border = sum(
                wave * np.cos((n + 1) * angles + phase)
                for n, (wave, phase) in enumerate(zip(waves, phases, strict=True))
            )
            inside = radius < 9.0 * (1.0 + border) * np.sqrt(
                1.0 / (np.cos(angles) ** 2 + (np.sin(angles) / rng.uniform(0.4, 1.0)) ** 2)
            )
        shade = np.clip(_field(rng, int(rng.integers(2, 9))) * rng.uniform(0.0, 1.5) + rng.uniform(0.4, 1.0), 0.0, 1.0)
        made.append(fitted(np.rint(255.0 * shade * inside).astype(np.uint8)))
    return centred(np.stack(made))


def _textures(count: int, rng: np.random.Generator) -> Pictures:
    """What is left of a photograph after its background has been taken for paper: soft or hard blots in a box."""
    made = []
    for _ in range(count):
        field = _field(rng, int(rng.integers(3, 9)))
        if rng.random() < 0.25:
            angle, period = rng.uniform(0.0, np.pi), rng.uniform(2.5, 8.0)
            y, x = np.mgrid[0:SIDE_PX, 0:SIDE_PX]
            field = field * 0.3 + np.sin(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / period)
        field = np.clip((field - rng.uniform(-0.5, 0.5)) * rng.uniform(1.0, 6.0) + 0.5, 0.0, 1.0)
        height, width = rng.integers(10, INK_PX + 1, 2)
        made.append(fitted(np.rint(255.0 * field[:height, :width]).astype(np.uint8)))
    return np.stack(made)


def _field(rng: np.random.Generator, cells: int) -> NDArray[np.float64]:
    """A smooth random surface (28, 28) around 0, with about `cells` hills along a side."""
    weights = interpolation_weights(cells + 1, SIDE_PX)
    return np.asarray(weights @ rng.normal(0.0, 1.0, (cells + 1, cells + 1)) @ weights.T)


def _noise(count: int, rng: np.random.Generator) -> Pictures:
    """Grains of every density, from a lone dot on an empty page to a page of nothing else, and pages of one grey."""
    density = rng.uniform(0.0, 1.0, (count, 1, 1)) ** 3
    noise = rng.random((count, SIDE_PX, SIDE_PX))
    grains = np.where(noise < density, rng.integers(30, 256, noise.shape), 0)
    flat = np.broadcast_to(rng.integers(0, 256, (count, 1, 1)), noise.shape)
    return np.where(rng.random((count, 1, 1)) < 0.2, flat, grains).astype(np.uint8)
