"""What pen, paper and scanner do to a picture: width and softness of the ink, gaps and grain, few or hard pixels.

In NumPy, each effect on the pictures chosen for it alone. Blurring and resampling are products with a matrix on either
side, from a small table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from training.resampling import area_weights, gaussian_weights, interpolation_weights

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from training.config import Augmentation

    Values = NDArray[np.float32]  # (N, S, S) in [0, 1]

_BLURS_PX = (0.5, 0.7, 0.9, 1.1, 1.4)
_COARSE_SIDES_PX = (14, 16, 18, 20, 22, 24)
_CLOUDS = 7  # cells along a side of the unevenness of a pen


def worn(pixels: NDArray[np.float32], amounts: Augmentation, rng: np.random.Generator) -> NDArray[np.float32]:
    """`pixels` float32 (N, S, S, 1) in [0, 1], each changed by some of the amounts; same shape, dtype and range, and in the
    same place in memory.
    """
    values = pixels[..., 0]
    effects: tuple[tuple[float, Callable[[Values, np.random.Generator], Values]], ...] = (
        (amounts.gaps, _with_gaps),
        (amounts.lines, _with_line),
        (amounts.pen, _by_another_pen),
        (amounts.coarse, _coarse),
        (amounts.grain, _uneven),
    )
    for share, effect in effects:
        chosen = np.flatnonzero(rng.random(len(values)) < share)
        if len(chosen):
            values[chosen] = effect(values[chosen], rng)
    return pixels


def _with_gaps(values: Values, rng: np.random.Generator) -> Values:
    """With a row, a column, or four times in ten both, nearly without ink, as where a pen skipped."""
    count, side = values.shape[:2]
    which = rng.random((count, 1, 1))
    row, column = rng.integers(side, size=(2, count, 1, 1))
    axis = np.arange(side)
    faint = ((axis[:, None] == row) & (which < 0.7)) | ((axis == column) & (which > 0.3))
    return np.where(faint, np.float32(0.2) * values, values)


def _with_line(values: Values, rng: np.random.Generator) -> Values:
    """With what is left of a ruled line: straight, thin, faint to full, near the edge of the ink."""
    count, side = values.shape[:2]
    near, far_end, tilt, upright, begin, strength = rng.random((6, count, 1, 1)).astype(np.float32)
    axis = np.arange(side, dtype=np.float32)
    offset = 4.0 * near + np.where(far_end < 0.5, 1.0, side - 6.0)  # px from the edge: 1 to 5
    across = np.where(upright < 0.7, axis[:, None], axis)
    along = np.where(upright < 0.7, axis, axis[:, None])
    distance = np.abs(across - offset - (tilt - 0.5) * 0.1 * (along - side / 2))
    # From one end on, over more or less of the width.
    line = (0.3 + 0.7 * strength) * (along >= 0.6 * side * begin) * np.clip(1.2 - distance, 0.0, 1.0)
    return np.maximum(values, line.astype(np.float32))


def _by_another_pen(values: Values, rng: np.random.Generator) -> Values:
    """Blurred, and then, two times in three, cut off at a level: a low one makes strokes fat, a high one thin."""
    count, side = values.shape[:2]
    table = np.stack([gaussian_weights(side, sigma_px) for sigma_px in _BLURS_PX]).astype(np.float32)
    matrices = table[rng.integers(len(table), size=count)]
    blurred = matrices @ values @ matrices.transpose(0, 2, 1)
    blurred /= np.maximum(blurred.max(axis=(1, 2), keepdims=True), 1e-3)
    level = rng.uniform(0.15, 0.65, (count, 1, 1)).astype(np.float32)
    gain = rng.uniform(1.5, 7.5, (count, 1, 1)).astype(np.float32)
    cut = np.clip((blurred - level) * gain + 0.5 * level, 0.0, 1.0)
    return np.where(rng.random((count, 1, 1)) < 2 / 3, cut, blurred)


def _coarse(values: Values, rng: np.random.Generator) -> Values:
    """Brought down to 14 to 24 pixels a side, half of the time to black and white there, and back up."""
    side = values.shape[1]
    which = rng.integers(len(_COARSE_SIDES_PX), size=len(values))
    hard = rng.random((len(values), 1, 1)) < 0.5
    for number, small in enumerate(_COARSE_SIDES_PX):
        chosen = np.flatnonzero(which == number)
        if len(chosen):
            down, up = area_weights(side, small).astype(np.float32), area_weights(small, side).astype(np.float32)
            few = down @ values[chosen] @ down.T
            black_and_white = (few > 0.45 * few.max(axis=(1, 2), keepdims=True)).astype(np.float32)
            values[chosen] = up @ np.where(hard[chosen], black_and_white, few) @ up.T
    return values


def _uneven(values: Values, rng: np.random.Generator) -> Values:
    """Ink pale in places and pixels off by a little, as pencil, felt pen and paper leave them."""
    count, side = values.shape[:2]
    spread = interpolation_weights(_CLOUDS, side).astype(np.float32)
    pale = spread @ rng.random((count, _CLOUDS, _CLOUDS), dtype=np.float32) @ spread.T
    grain = 2.0 * rng.random((count, side, side), dtype=np.float32) - 1.0
    strength = rng.random((count, 1, 1), dtype=np.float32)
    changed = values * (1.0 - 0.7 * strength * pale) * (1.0 + 0.5 * strength * grain) + 0.06 * strength * grain
    return np.clip(changed, 0.0, 1.0)
