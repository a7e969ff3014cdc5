"""Windows over a picture: how many fit along a side, and what would fit when they do not.

With a side of n pixels, p of padding on each end, a window of k and a stride of s there are ⌊(n + 2p - k) / s⌋ + 1
windows; they fit exactly when s divides n + 2p - k. `same` pads until ⌈n / s⌉ of them fit. Source: Dumoulin and Visin,
"A guide to convolution arithmetic for deep learning" (2016), relationships 5 and 6.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from architectures.errors import ArchitectureError

if TYPE_CHECKING:
    from collections.abc import Callable

    from architectures.layers import Padding


# What is farther away than this is no help, and is not searched for.
_IN_SIGHT = 1000


@dataclass(frozen=True)
class Window:
    """A square window of `size` pixels that moves by `stride`, over a picture with `padding`."""

    size: int
    stride: int
    padding: Padding

    def span(self, side: int) -> int:
        """How far the window can move along a padded side, in pixels; negative where it is larger than that."""
        return side + 2 * _pixels(self.padding) - self.size

    def count(self, side: int) -> int:
        """How many windows lie along a side; less than 1 where not even one does."""
        if self.padding == "same":
            return -(-side // self.stride)
        return self.span(side) // self.stride + 1

    def fits(self, side: int) -> bool:
        """Whether they end exactly where the side does."""
        if self.padding == "same":
            return True
        return self.span(side) >= 0 and self.span(side) % self.stride == 0


def window_counts(
    name: str, kind: str, window: Window, sides: tuple[int, int], *, allow_floor: bool
) -> tuple[int, int]:
    """How many windows lie along height and width. `kind` is what the field calls the window: kernel, or pool.

    Raises `ArchitectureError` when none does, or, without `allow_floor`, when they do not end where the picture does.
    It says what would fit.
    """
    height, width = sides
    if min(window.count(side) for side in sides) < 1:
        padded = "" if _pixels(window.padding) == 0 else f" with a padding of {window.padding}"
        raise ArchitectureError(
            f"{name}: a {kind} of {window.size} does not fit into {height} × {width}{padded};"
            f" at most {min(sides) + 2 * _pixels(window.padding)} does"
        )
    if not allow_floor and not all(window.fits(side) for side in sides):
        raise ArchitectureError(_misfit(name, kind, window, sides))
    return window.count(height), window.count(width)


def _misfit(name: str, kind: str, window: Window, sides: tuple[int, int]) -> str:
    side = _first_misfit(window, sides)
    padding = _pixels(window.padding)
    exact = f"({side} + 2·{padding} - {window.size}) / {window.stride} = {window.span(side) / window.stride:g}"
    return (
        f"{name}: a {kind} of {window.size} with stride {window.stride} and padding {padding} does not fit"
        f" {sides[0]} × {sides[1]} exactly: {exact} is no whole number. What fits: {_remedies(kind, window, sides)};"
        " or leave the rest of the picture out with --allow-floor"
    )


def _first_misfit(window: Window, sides: tuple[int, int]) -> int:
    return next(side for side in sides if not window.fits(side))


def _remedies(kind: str, window: Window, sides: tuple[int, int]) -> str:
    def all_fit(changed: Window) -> bool:
        return all(changed.fits(side) for side in sides)

    padding = _pixels(window.padding)
    found = {
        "an input side of": nearest(_first_misfit(window, sides), 1, window.fits),
        "a stride of": nearest(window.stride, 1, lambda stride: all_fit(replace(window, stride=stride))),
        f"a {kind} of": nearest(window.size, 1, lambda size: all_fit(replace(window, size=size))),
        "a padding of": nearest(
            padding, 0, lambda pixels: pixels < window.size and all_fit(replace(window, padding=pixels))
        ),
    }
    return ", ".join(f"{what} {' or '.join(map(str, values))}" for what, values in found.items() if values)


def nearest(value: int, lowest: int, fits: Callable[[int], bool]) -> list[int]:
    """The nearest number from `lowest` to below `value` that fits, and the nearest above, where they are in sight."""
    below = range(value - 1, max(lowest, value - _IN_SIGHT) - 1, -1)
    above = range(value + 1, value + _IN_SIGHT + 1)
    found = (next(filter(fits, numbers), None) for numbers in (below, above))
    return [number for number in found if number is not None]


def _pixels(padding: Padding) -> int:
    return padding if isinstance(padding, int) else 0
