"""How long a series of trials will still take, from what its finished ones took."""

from __future__ import annotations

from dataclasses import dataclass

# What a picture costs beside the products of its layers: to be read, altered and shuffled, in multiply-accumulates.
# 0.1 ms of augmentation against 0.9 ms for the 1.7 million of `cnn`, forward and back.
_PER_PICTURE_MACS = 200_000


def cost_of(macs: int, pictures_seen: int) -> float:
    """The work of a fit, in multiply-accumulates; only its ratio to another's means anything."""
    return float(macs + _PER_PICTURE_MACS) * pictures_seen


@dataclass
class Pace:
    """Work done and the seconds it took; `jobs` fits run side by side."""

    jobs: int = 1
    cost: float = 0.0
    seconds: float = 0.0

    def add(self, cost: float, seconds: float) -> None:
        """Note a finished fit."""
        self.cost += cost
        self.seconds += seconds

    def seconds_left(self, cost: float) -> float | None:
        """What work of that cost will take, all jobs at it; None before anything has finished."""
        return cost * self.seconds / self.cost / self.jobs if self.cost else None


def duration(seconds: float) -> str:
    """Seconds for people: `42 s`, `7 min`, `2 h 05 min`."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d} min"
