"""How a window slides along the sides of a picture.

Along a side of n pixels with p zeros before and q after it, a window of k pixels that moves s at a time stops at
(n + p + q - k) / s + 1 places. Source: Dumoulin and Visin, "A guide to convolution arithmetic for deep learning"
(2016), relationship 6, which rounds down where this is no whole number; here that is an error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from architectures.windows import nearest
from training.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

Padding = int | Literal["same", "valid"]


@dataclass(frozen=True)
class Slide:
    """A window on one side, all in pixels. `before` and `after` are zeros put at the ends of the `side`.

    `after` is negative when that many pixels at the end are left out, which `same` does with some long strides.
    """

    side: int
    window: int
    stride: int
    before: int
    after: int

    @property
    def places(self) -> int:
        """How many places the window stops at: the side of the output."""
        return self._room // self.stride + 1

    @property
    def fits(self) -> bool:
        """Whether the last place ends exactly where the padded side ends."""
        return self._room >= 0 and self._room % self.stride == 0

    @property
    def _room(self) -> int:
        return self.side + self.before + self.after - self.window


def slides(
    sides: Sequence[int], window: Sequence[int], stride: int, padding: Padding = 0, *, what: str = "kernel"
) -> tuple[Slide, Slide]:
    """How a window (height, width) moves down and across a picture of these sides (height, width).

    `padding` is a number of zeros at each of the four edges; `valid` is 0; `same` is as many as give
    ⌈side / stride⌉ places, an odd one at the bottom and right as Keras has it. Raises `ConfigurationError`, naming the
    argument, for what makes no sense and for what does not fit exactly, with the nearest that do; `what` is the name of
    the window's argument.
    """
    if min(window) < 1:
        raise ConfigurationError(f"{what} must be at least 1 pixel a side, not {_sides(window)}.")
    if stride < 1:
        raise ConfigurationError(f"stride must be at least 1, not {stride}.")
    if padding == "same":
        height, width = (_same(side, k, stride) for side, k in zip(sides, window, strict=True))
        return height, width
    zeros = _zeros(padding)
    height, width = _padded(sides, window, stride, zeros)
    if not (height.fits and width.fits):
        raise ConfigurationError(_misfit(sides, window, stride, zeros, what))
    return height, width


def _zeros(padding: object) -> int:
    zeros = 0 if padding == "valid" else padding
    if not isinstance(zeros, int) or isinstance(zeros, bool) or zeros < 0:
        raise ConfigurationError(f"padding must be a whole number from 0, 'same' or 'valid', not {padding!r}.")
    return zeros


def _same(side: int, window: int, stride: int) -> Slide:
    missing = (-(-side // stride) - 1) * stride + window - side
    # Below zero where the stride is longer than the window: the last pixels are then under no window.
    before = max(missing, 0) // 2
    return Slide(side, window, stride, before, missing - before)


def _padded(sides: Sequence[int], window: Sequence[int], stride: int, zeros: int) -> tuple[Slide, Slide]:
    height, width = (Slide(side, k, stride, zeros, zeros) for side, k in zip(sides, window, strict=True))
    return height, width


def _misfit(sides: Sequence[int], window: Sequence[int], stride: int, zeros: int, what: str) -> str:
    def fit(window: Sequence[int], stride: int, zeros: int) -> bool:
        return min(window) >= 1 and all(slide.fits for slide in _padded(sides, window, stride, zeros))

    smaller = min(window)
    resized = nearest(smaller, 1, lambda k: fit([side + k - smaller for side in window], stride, zeros))
    found: dict[str, Sequence[object]] = {
        what: [_sides([side + k - smaller for side in window]) for k in resized],
        "stride": nearest(stride, 1, lambda other: fit(window, other, zeros)),
        # A pooling window has no padding to change, and of more than k - 1 zeros some windows would see nothing else.
        "padding": nearest(zeros, 0, lambda p: p < max(window) and fit(window, stride, p)) if what == "kernel" else [],
    }
    ways = ", ".join(f"{name} {' or '.join(map(str, values))}" for name, values in found.items() if values)
    return (
        f"{what} {_sides(window)}, stride {stride} and padding {zeros} do not fit a picture of {sides[0]}×{sides[1]} "
        f"exactly. The nearest that fit: {ways or 'none'}."
    )


def _sides(window: Sequence[int]) -> str:
    return str(window[0]) if window[0] == window[1] else f"{window[0]}×{window[1]}"
