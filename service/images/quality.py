"""How good a picture was to read: measured on the results of its steps, after the digit has gone to the model.

Nothing here changes the picture. Each figure is measured where it can be seen best, and told in the terms of whoever sent
the picture: places in pixels of the picture as sent, contrast as a part of the range from black to white.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from service.images.card import card_on
from service.images.light import border_of
from service.images.lines import without_lines
from service.images.parts import parts_of
from service.images.prepare import Seen
from service.images.split import split

Polarity = Literal["dark_on_light", "light_on_dark"]

WARNINGS: Final = {
    "low_contrast": "The ink hardly stands out from the paper.",
    "touches_border": "The ink reaches the picture's edge: part of the digit may be cut off.",
    "several_parts": "Two or more parts as large as a digit: there may be several digits.",
    "thin_strokes": "The strokes are hair-thin; they were widened.",
    "uneven_light": "The light falls unevenly or there is a shadow; it was taken out.",
    "tiny": "The ink is so small that its shape had to be guessed from a few pixels.",
    "many_specks": "Many specks that are not the digit were left out.",
    "lines_removed": "Lines that run across the picture were taken out.",
    "on_a_card": "Only the sheet or canvas that lies in the picture was read.",
}

_CONTRAST_MIN: Final = 0.15
_TINY_PX: Final = 14
_SPECKS_MAX: Final = 20
_LARGE_HEIGHT: Final = 0.5  # of the ink's height
_LARGE_AREA: Final = 0.25  # of the largest part's area
_PAPER_AROUND: Final = 0.1  # of the ink's longer side
_THIN_STROKE_PX: Final = 1.4
_INK_LEVEL: Final = 127

_AROUND: Final = np.ones((3, 3), np.uint8)


@dataclass(frozen=True, slots=True)
class Quality:
    """What was found on a picture.

    `canonical`: it came in MNIST's canon (as it was, or with its polarity turned) and nothing else was changed.
    `ink_box`: left, top, width, height of the digit, in pixels of the picture as sent, after its EXIF rotation.
    `stroke_width_px`: the mean, in the 28×28 result; MNIST's are 1.5 to 4.5.
    `contrast`: between ink and the paper around it, 0 to 1, in the view (grey or a colour) in which it was read.
    `parts`: how many separate parts of the ink are of a digit's size. `warnings`: out of `WARNINGS`, in that order; none
    for a canonical picture, which is as the model knows them.
    """

    polarity: Polarity
    canonical: bool
    ink_box: tuple[int, int, int, int]
    stroke_width_px: float
    contrast: float
    parts: int
    warnings: tuple[str, ...]


class _Found(NamedTuple):
    """The ink's mask, 0 and 255, in the working picture; and what was noticed on the way."""

    ink: npt.NDArray[np.uint8]
    noticed: frozenset[str]


def measure(seen: Seen, width: int, height: int) -> Quality:
    """The quality of a picture of `width` × `height` pixels, as sent, from the steps it went through."""
    steps = dict(seen)
    working = steps.get("grey", seen[0][1])
    image = seen[-1][1]
    canonical = seen[-1][0] != "centred"
    ink, noticed = _canonical(seen) if canonical else _found(steps)
    dark, contrast = _contrast(working, ink)
    box = _as_sent(cv2.boundingRect(ink), working.shape, width, height)
    stroke_width_px = stroke_width(image)
    parts = _large_parts(ink)
    warnings = {
        "low_contrast": contrast < _CONTRAST_MIN,
        "touches_border": "touches_border" in noticed or bool(border_of(ink).any()),
        "several_parts": parts > 1,
        "thin_strokes": "thin_strokes" in noticed or stroke_width_px < _THIN_STROKE_PX,
        "tiny": max(box[2:]) < _TINY_PX,
    }
    return Quality(
        polarity="dark_on_light" if dark else "light_on_dark",
        canonical=canonical,
        ink_box=box,
        stroke_width_px=stroke_width_px,
        contrast=contrast,
        parts=parts,
        warnings=() if canonical else tuple(name for name in WARNINGS if warnings.get(name, name in noticed)),
    )


def stroke_width(image: npt.NDArray[np.uint8]) -> float:
    """The mean width, in pixels, of light strokes on black, uint8 (H,W): twice their area over the length of their outline.

    Both are sums over grey levels, so that soft edges count as far as they are ink: the area is the sum of the levels,
    the outline their total variation (the coarea formula).
    """
    levels = np.pad(image.astype(np.float32), 1)
    down, right = np.diff(levels, axis=0)[:, :-1], np.diff(levels, axis=1)[:-1]
    outline = float(np.sqrt(down * down + right * right).sum())
    return 2 * float(levels.sum()) / outline if outline else 0.0


def _canonical(seen: Seen) -> _Found:
    return _Found(_mask(seen[-1][1]), frozenset())


def _found(steps: dict[str, npt.NDArray[np.uint8]]) -> _Found:
    light, written, cleaned = steps["light_ink"], steps["off_the_card"], steps["cleaned"]
    noticed = set()
    ink = _mask(cleaned)
    if border_of(ink).any():
        noticed.add("touches_border")
    before = split(written).ink
    without = without_lines(before)
    if without is not before:
        noticed.add("lines_removed")
    if parts_of(without).area.size - parts_of(ink).area.size > _SPECKS_MAX:
        noticed.add("many_specks")
    if steps["thickened"] is not steps["cropped"]:
        noticed.add("thin_strokes")
    if steps["evenly_lit"] is not steps["grey"]:
        noticed.add("uneven_light")
    if written is not light:
        noticed.add("on_a_card")
        card = card_on(light)
        if card is not None:  # as it was then: the same function of the same picture
            whole = np.zeros(light.shape, np.uint8)
            whole[card.top : card.top + ink.shape[0], card.left : card.left + ink.shape[1]] = ink
            ink = whole
    return _Found(ink, frozenset(noticed))


def _contrast(working: npt.NDArray[np.uint8], ink: npt.NDArray[np.uint8]) -> tuple[bool, float]:
    """Whether the ink is darker than the paper around it, and by how much of the range. The soft edge counts as neither."""
    left, top, width, height = cv2.boundingRect(ink)
    around = max(2, round(_PAPER_AROUND * max(width, height)))
    near = np.s_[max(0, top - around) : top + height + around, max(0, left - around) : left + width + around]
    grey = working[near] if working.ndim == 2 else np.asarray(cv2.cvtColor(working[near], cv2.COLOR_RGB2GRAY), np.uint8)
    mask = np.ascontiguousarray(ink[near])
    paper = cv2.bitwise_not(cv2.dilate(mask, _AROUND))
    core = cv2.erode(mask, _AROUND)
    # Strokes one pixel wide have no core, and a crop full of ink shows no paper but its soft edge.
    ink_level = cv2.mean(grey, mask=core if cv2.countNonZero(core) else mask)[0]
    paper_level = cv2.mean(grey, mask=paper if cv2.countNonZero(paper) else cv2.bitwise_not(mask))[0]
    return ink_level < paper_level, min(1.0, abs(ink_level - paper_level) / 255)


def _large_parts(ink: npt.NDArray[np.uint8]) -> int:
    """How many could be a digit alone: half as high as all the ink, and a quarter of the largest part's area."""
    parts = parts_of(ink)
    _, _, _, height = cv2.boundingRect(ink)
    large = (parts.height >= _LARGE_HEIGHT * height) & (parts.area >= _LARGE_AREA * parts.area.max(initial=0))
    return max(1, int(np.count_nonzero(large)))


def _as_sent(box: cv2.typing.Rect, shape: tuple[int, ...], width: int, height: int) -> tuple[int, int, int, int]:
    """A box in the working picture, of `shape`, as the pixels of the picture as sent that it covers."""
    scale_x, scale_y = width / shape[1], height / shape[0]
    left, top = int(box[0] * scale_x), int(box[1] * scale_y)
    right, bottom = round((box[0] + box[2]) * scale_x), round((box[1] + box[3]) * scale_y)
    return left, top, max(1, right - left), max(1, bottom - top)


def _mask(light: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return np.asarray(cv2.threshold(light, _INK_LEVEL, 255, cv2.THRESH_BINARY)[1], np.uint8)
