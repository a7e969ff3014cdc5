"""How a user's own data are to be read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from training.data.specs import PREPARATIONS
from training.errors import ConfigurationError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_SIDE_PX = 512
MAX_CLASSES = 256


@dataclass(frozen=True)
class Reading:
    """What is not given is as the data have it.

    `size` is (H, W) in pixels, to which pictures are brought by area averaging. `is_grey` makes colour its luminance.
    `skip_unreadable` leaves out pictures that cannot be decoded instead of stopping at the first. `preparation` is one
    of `PREPARATIONS` and goes on the card; not given, it is `"resize"` for folders of pictures and `"none"` for arrays.
    All but the last are for folders alone. Raises `ConfigurationError` where a value makes no sense.
    """

    size: tuple[int, int] | None = None
    is_grey: bool = False
    skip_unreadable: bool = False
    preparation: str | None = None

    def __post_init__(self) -> None:
        if self.size is not None and not all(1 <= side <= MAX_SIDE_PX for side in self.size):
            raise ConfigurationError(f"--size takes sides of 1 to {MAX_SIDE_PX} pixels, not {_shown(self.size)}.")
        if self.preparation is not None and self.preparation not in PREPARATIONS:
            raise ConfigurationError(f"--prepare takes {', '.join(PREPARATIONS)}, not {self.preparation!r}.")

    def arguments(self) -> tuple[str, ...]:
        """The options of the command line that say the same; none for the default."""
        given: list[str] = []
        if self.size is not None:
            given += ["--size", _shown(self.size)]
        given += ["--grey"] * self.is_grey + ["--skip-unreadable"] * self.skip_unreadable
        if self.preparation is not None:
            given += ["--prepare", self.preparation]
        return tuple(given)

    def __str__(self) -> str:
        return " ".join(self.arguments()) or "no option"


class Part(NamedTuple):
    """Pictures uint8 (N, H, W) or (N, H, W, C), and labels uint8 (N,), with the name by which messages call them."""

    name: str
    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]


class Parts(NamedTuple):
    """What a reader found. `test` is None when the data have no such part, `names` when they name no classes."""

    train: Part
    test: Part | None
    names: tuple[str, ...] | None


def _shown(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
