"""Drawing with a pen: points in, pictures in MNIST's canon out. NumPy alone, everything a function of the generator."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from training.glyphs import Glyph

SIDE_PX = 28
INK_PX = 20  # the longer side of the ink
_SPAN_STEPS = 5  # straight pieces of a curve between two of its points
_AT_ONCE = 8  # pictures whose distances are worked out together: few enough for a processor's cache


def write_glyph(glyph: Glyph, rng: np.random.Generator) -> list[NDArray[np.float64]]:
    """One way a hand might write `glyph`: its strokes as paths (P, 2), in the glyph's units.

    Somewhere between the two forms, and slightly beyond; each point goes astray by about a fortieth of the height.
    """
    between = rng.uniform(-0.15, 1.15)
    paths = []
    for stroke, other in zip(glyph.form.split(";"), glyph.other.split(";"), strict=True):
        points = (1.0 - between) * _points(stroke) + between * _points(other)
        points += rng.normal(0.0, 0.25, points.shape)
        paths.append(smooth(points) if stroke.startswith("~") else points)
    return paths


def smooth(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """A curve through `points` (P, 2) as a path of 5 (P - 1) + 1 points: a Catmull-Rom spline.

    Source: Catmull and Rom, "A class of local interpolating splines" (1974), with tension 1/2.
    """
    padded = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    before, start, end, after = padded[:-3, None], padded[1:-2, None], padded[2:-1, None], padded[3:, None]
    t = np.linspace(0.0, 1.0, _SPAN_STEPS, endpoint=False)[:, None]  # (steps, 1), against (P - 1, 1, 2)
    curve = 0.5 * (
        2 * start
        + (end - before) * t
        + (2 * before - 5 * start + 4 * end - after) * t**2
        + (3 * start - before - 3 * end + after) * t**3
    )
    return np.concatenate([curve.reshape(-1, 2), points[-1:]])


def draw(drawings: Sequence[Sequence[NDArray[np.float64]]], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Each drawing, a sequence of paths (P, 2) in any unit, as a picture: uint8 (N, 28, 28), white on black.

    Turned by up to ±10°, slanted by 0.3 to the left up to 0.55 to the right, made up to 1.35 times wider or narrower, drawn with a pen 1.2 to 4.6 pixels
    wide that presses unevenly; the longer side of the ink is 20 pixels, its centre of mass on pixel 14.
    """
    radii_px = np.exp(rng.uniform(math.log(0.6), math.log(2.3), len(drawings)))
    pieces = [_placed(paths, radius, rng) for paths, radius in zip(drawings, radii_px, strict=True)]
    softness_px = rng.uniform(1.0, 1.8, len(drawings))
    pictures = np.empty((len(drawings), SIDE_PX, SIDE_PX), np.float32)
    for at in range(0, len(drawings), _AT_ONCE):
        part = slice(at, at + _AT_ONCE)
        pictures[part] = _ink(pieces[part], softness_px[part])
    return centred(np.rint(pictures * 255.0).astype(np.uint8))


def centred(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pictures uint8 (N, 28, 28), each moved by whole pixels, four at most, until its centre of mass is on pixel 14."""
    axis = np.arange(SIDE_PX)
    weights = pictures.astype(np.float64)
    total = np.maximum(weights.sum(axis=(1, 2)), 1e-9)
    rows = 14 - weights.sum(axis=2) @ axis / total
    columns = 14 - weights.sum(axis=1) @ axis / total
    shifts = np.clip(np.rint(np.stack([rows, columns], axis=1)), -4, 4).astype(int)
    padded = np.pad(pictures, ((0, 0), (4, 4), (4, 4)))
    corners = 4 - shifts
    return np.stack([page[y : y + SIDE_PX, x : x + SIDE_PX] for page, (y, x) in zip(padded, corners, strict=True)])


def _points(stroke: str) -> NDArray[np.float64]:
    return np.array([pair.split(",") for pair in stroke.removeprefix("~").split()], np.float64)


def _placed(paths: Sequence[NDArray[np.float64]], radius_px: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """The straight pieces of a drawing, (S, 5): x and y of both ends in pixels, and the pen's radius there."""
    angle, slant = rng.uniform(-0.17, 0.17), rng.uniform(-0.3, 0.55)
    width = math.exp(rng.uniform(-0.3, 0.3))
    cos, sin = math.cos(angle), math.sin(angle)
    matrix = np.array([[cos, -sin], [sin, cos]]) @ np.array([[1.0, -slant], [0.0, 1.0]]) @ np.diag([width, 1.0])
    moved = [path @ matrix.T for path in paths]
    everything = np.concatenate(moved)
    low, high = everything.min(axis=0), everything.max(axis=0)
    scale = (INK_PX - 2 * radius_px) / max(float((high - low).max()), 1e-6)
    middle = (SIDE_PX - 1) / 2
    pieces = np.concatenate([np.concatenate([path[:-1], path[1:]], axis=1) for path in moved])
    pieces = (pieces - np.tile((low + high) / 2, 2)) * scale + middle
    radii = radius_px * rng.uniform(0.85, 1.15, (len(pieces), 1))
    return np.concatenate([pieces, radii], axis=1).astype(np.float32)


def _ink(drawings: Sequence[NDArray[np.float32]], softness_px: NDArray[np.float64]) -> NDArray[np.float32]:
    """How much ink lies on each pixel, float32 (N, 28, 28) in [0, 1]: by its distance to the nearest piece."""
    most = max(len(pieces) for pieces in drawings)
    padded = np.stack([np.concatenate([p, np.repeat(p[-1:], most - len(p), axis=0)]) for p in drawings])  # (N, S, 5)
    start_x, start_y, end_x, end_y, radii = (padded[:, :, i, None] for i in range(5))  # (N, S, 1)
    axis = np.arange(SIDE_PX, dtype=np.float32)
    y, x = (grid.reshape(1, 1, -1) for grid in np.meshgrid(axis, axis, indexing="ij"))  # (1, 1, 784)
    along_x, along_y = end_x - start_x, end_y - start_y
    squared = np.maximum(along_x**2 + along_y**2, 1e-9)
    share = np.clip(((x - start_x) * along_x + (y - start_y) * along_y) / squared, 0.0, 1.0)
    distance = np.sqrt((x - start_x - share * along_x) ** 2 + (y - start_y - share * along_y) ** 2) - radii
    nearest = distance.min(axis=1) / softness_px[:, None]
    return np.asarray(np.clip(0.5 - nearest, 0.0, 1.0).reshape(-1, SIDE_PX, SIDE_PX), np.float32)
