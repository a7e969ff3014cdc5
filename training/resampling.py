"""Matrices that blur and resample one axis of a picture; applied from both sides, they do so to the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def area_weights(source: int, target: int) -> NDArray[np.float64]:
    """The matrix (target, source) that resizes an axis by area averaging; its rows sum to 1."""
    edges = np.arange(target + 1) * source / target
    pixels = np.arange(source)
    covered = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return np.asarray(np.clip(covered, 0.0, None) * target / source)


def gaussian_weights(side: int, sigma_px: float) -> NDArray[np.float64]:
    """The matrix (side, side) that blurs an axis; its rows sum to 1, at the ends too."""
    axis = np.arange(side)
    weights = np.exp(-0.5 * ((axis[:, None] - axis) / sigma_px) ** 2)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def interpolation_weights(source: int, target: int) -> NDArray[np.float64]:
    """The matrix (target, source) that draws straight lines between the values of an axis; its rows sum to 1."""
    knots = np.linspace(0.0, target - 1, source)
    return np.stack([np.interp(np.arange(target), knots, row) for row in np.eye(source)], axis=1)
