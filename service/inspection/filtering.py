"""Convolution and pooling of any picture with any kernel, as the notebooks of a course do it by hand.

Convolution here is what deep learning calls so: the kernel is not turned round (a cross-correlation). In height and
width, with input n, kernel k, zero padding p on each side and stride s, there are (n + 2p - k) / s + 1 outputs.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from architectures.windows import Window
from service.errors import InvalidParameterError, WrongShapeError

Array = npt.NDArray[np.float64]

NAMED_KERNELS: Final[dict[str, list[list[float]]]] = {
    "identity": [[0, 0, 0], [0, 1, 0], [0, 0, 0]],
    "horizontal_edges": [[1, 1, 1], [0, 0, 0], [-1, -1, -1]],
    "vertical_edges": [[1, 0, -1], [1, 0, -1], [1, 0, -1]],
    "sobel_horizontal": [[1, 2, 1], [0, 0, 0], [-1, -2, -1]],
    "sobel_vertical": [[1, 0, -1], [2, 0, -2], [1, 0, -1]],
    "laplacian": [[0, 1, 0], [1, -4, 1], [0, 1, 0]],
    "blur": [[1 / 9] * 3] * 3,
    "gaussian_blur": [[1 / 16, 2 / 16, 1 / 16], [2 / 16, 4 / 16, 2 / 16], [1 / 16, 2 / 16, 1 / 16]],
    "sharpen": [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
    "emboss": [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]],
}
SIDE_MAX: Final = 1024
KERNEL_SIDE_MAX: Final = 31


def convolved(picture: Array, kernel: Array, bias: Array, stride: int, padding: int, *, floor: bool = False) -> Array:
    """(H, W, C) with a kernel (k, l, C, F) and bias (F) → (H', W', F).

    :raise WrongShapeError: the kernel takes another number of channels.
    :raise InvalidParameterError: it does not fit, as `outputs` says.
    """
    if kernel.shape[2] != picture.shape[2]:
        raise WrongShapeError(
            f"the kernel takes {kernel.shape[2]} channels and the picture has {picture.shape[2]}", field="kernel"
        )
    padded = np.pad(picture, ((padding, padding), (padding, padding), (0, 0)))
    windows = _windows(padded, kernel.shape[:2], (picture.shape[0], picture.shape[1]), stride, padding, floor=floor)
    return np.einsum("hwckl,klcf->hwf", windows, kernel, optimize=True) + bias


def pooled(
    picture: Array, size: int, stride: int, padding: int, kind: Literal["max", "average"], *, floor: bool = False
) -> Array:
    """(H, W, C) → (H', W', C): the largest, or the mean, of each window; what is added around never is the largest.

    :raise InvalidParameterError: it does not fit, as `outputs` says.
    """
    around = -np.inf if kind == "max" else 0.0
    padded = np.pad(picture, ((padding, padding), (padding, padding), (0, 0)), constant_values=around)
    windows = _windows(padded, (size, size), (picture.shape[0], picture.shape[1]), stride, padding, floor=floor)
    found: Array = windows.max(axis=(3, 4)) if kind == "max" else windows.mean(axis=(3, 4))
    return found


def outputs(side: int, window: int, stride: int, padding: int, field: str, *, floor: bool = False) -> int:
    """How many windows there are along one axis.

    :raise InvalidParameterError: not a whole number, and `floor` does not allow for it; the message names what fits.
    """
    windows = Window(window, stride, padding)
    if windows.count(side) < 1:
        raise InvalidParameterError(
            f"a window of {window} does not fit into {side} pixels with a padding of {padding}", field=field
        )
    if not windows.fits(side) and not floor:
        fitting = [each for each in range(1, windows.span(side) + 1) if replace(windows, stride=each).fits(side)]
        nearest = sorted(fitting, key=lambda each: (abs(each - stride), each))[:3]
        raise InvalidParameterError(
            f"a stride of {stride} does not fit: ({side} + 2·{padding} - {window}) / {stride} is no whole number; "
            f"the nearest that fit: {', '.join(map(str, sorted(nearest)))}; or send floor=true to leave the rest out",
            field="stride",
        )
    return windows.count(side)


def numbers_of(value: Any, field: str, dimensions: tuple[int, ...]) -> Array:
    """Nested lists → an array of one of the numbers of `dimensions`.

    :raise WrongShapeError: they differ in length, are no numbers, or nested otherwise.
    """
    try:
        array = np.array(value, dtype=np.float64)
    except (ValueError, TypeError):
        raise WrongShapeError("not an array of numbers whose rows are of one length", field=field) from None
    if array.ndim not in dimensions or array.size == 0:
        wanted = " or ".join(map(str, dimensions))
        raise WrongShapeError(f"nested {array.ndim} deep; {wanted} is wanted", field=field)
    if not np.isfinite(array).all():
        raise WrongShapeError("not all of it is finite", field=field)
    return array


def _windows(
    padded: Array, window: tuple[int, ...], sides: tuple[int, int], stride: int, padding: int, *, floor: bool
) -> Array:
    """(H', W', C, k, l), a view."""
    for side, length, field in zip(sides, window, ("kernel", "kernel"), strict=True):
        outputs(side, length, stride, padding, field, floor=floor)
    every = np.lib.stride_tricks.sliding_window_view(padded, (window[0], window[1]), axis=(0, 1))
    return every[::stride, ::stride]
