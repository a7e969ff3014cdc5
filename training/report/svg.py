"""Drawing in SVG whose colours are classes of the page, so that it follows light, dark and print."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from html import escape
from typing import Literal

from markupsafe import Markup


@dataclass
class Drawing:
    """An SVG picture of `width` × `height` units. `title` and `description` are what a screen reader says of it."""

    width: float
    height: float
    title: str
    description: str
    _parts: list[str] = field(default_factory=list)

    def rect(
        self, x: float, y: float, width: float, height: float, css: str, *, radius: float = 0, style: str = ""
    ) -> None:
        rounded = f' rx="{_n(radius)}"' if radius else ""
        self._parts.append(
            f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}"{rounded} class="{css}"{_style(style)}/>'
        )

    def line(self, x1: float, y1: float, x2: float, y2: float, css: str) -> None:
        self._parts.append(f'<line x1="{_n(x1)}" y1="{_n(y1)}" x2="{_n(x2)}" y2="{_n(y2)}" class="{css}"/>')

    def path(self, points: list[tuple[float, float]], css: str) -> None:
        """A line through all `points`."""
        steps = "L".join(f"{_n(x)} {_n(y)}" for x, y in points)
        self._parts.append(f'<path d="M{steps}" class="{css}"/>')

    def circle(self, x: float, y: float, radius: float, css: str) -> None:
        self._parts.append(f'<circle cx="{_n(x)}" cy="{_n(y)}" r="{_n(radius)}" class="{css}"/>')

    def text(self, x: float, y: float, words: str, css: str = "", anchor: str = "middle", turned: bool = False) -> None:
        turn = f' transform="rotate(-90 {_n(x)} {_n(y)})"' if turned else ""
        self._parts.append(
            f'<text x="{_n(x)}" y="{_n(y)}" text-anchor="{anchor}" class="{css}"{turn}>{escape(words)}</text>'
        )

    def markup(self) -> Markup:
        """The whole `<svg>` element."""
        name = f"{escape(self.title)}: {escape(self.description)}"
        head = f'<svg viewBox="0 0 {_n(self.width)} {_n(self.height)}" role="img" aria-label="{name}">'
        return Markup(head + "".join(self._parts) + "</svg>")  # noqa: S704 - all that is not ours is escaped above


_SHARES = (
    0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99, 0.995, 0.997, 0.998, 0.999, 0.9995, 0.9998, 0.9999,
)  # fmt: skip
_NEARLY_ALL = 0.99999

Spacing = Literal["even", "log", "error"]


@dataclass(frozen=True)
class Scale:
    """From values in [`low`, `high`] to places in [`start`, `end`].

    Spaced evenly; by the logarithm of the value; or, for a share that comes near 1, by that of its distance from 1, so
    that 90 % to 99 % is as far as 99 % to 99.9 %.
    """

    low: float
    high: float
    start: float
    end: float
    spacing: Spacing = "even"

    def __call__(self, value: float) -> float:
        low, high = self._spaced(self.low), self._spaced(self.high)
        return self.start + (self._spaced(value) - low) / (high - low) * (self.end - self.start)

    def ticks(self, about: int = 5) -> list[float]:
        """Round values inside, about so many; by logarithms the powers of ten, with 2 and 5 where these are few."""
        if self.spacing == "log":
            powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            factors = (1, 2, 5) if len(powers) <= 3 else (1,)
            return [tick for power in powers for factor in factors if self._holds(tick := factor * 10.0**power)]
        if self.spacing == "error":
            return self._far_enough([share for share in _SHARES if self.low <= share <= self.high])
        rough = (self.high - self.low) / about
        size = 10.0 ** math.floor(math.log10(rough))
        step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= rough * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        return [round(index * step, 12) for index in range(first, math.floor(self.high / step + 1e-9) + 1)]

    def _spaced(self, value: float) -> float:
        if self.spacing == "log":
            return math.log10(max(value, self.low))
        return -math.log10(1.0 - min(value, _NEARLY_ALL)) if self.spacing == "error" else value

    def _holds(self, value: float) -> bool:
        return self.low * 0.999 <= value <= self.high * 1.001

    def _far_enough(self, ticks: list[float]) -> list[float]:
        """Without those that would touch the one before."""
        kept: list[float] = []
        for tick in ticks:
            if not kept or abs(self(tick) - self(kept[-1])) >= 24:
                kept.append(tick)
        return kept


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _style(style: str) -> str:
    return f' style="{style}"' if style else ""
