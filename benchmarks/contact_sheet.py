"""Wrong answers side by side, each beside what the model saw of it, as one picture to look at."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.picture_figures import Answer
from service.errors import InputError
from service.images import trace

Picture = npt.NDArray[np.uint8]

_SIDE_PX = 140
_GAP_PX = 6
_CAPTION_PX = 18
_COLUMNS = 5
_GREY = 90


def contact_sheet(answers: Sequence[Answer]) -> Picture:
    """uint8 (H,W,3) RGB: five to a row, the picture as sent, the 28×28 pixels made of it, and a caption:
    what it is, what was said, how surely, and by whom it was written.
    """
    tiles = [_tile(answer) for answer in answers]
    blank = np.full((_SIDE_PX + _CAPTION_PX, 2 * _SIDE_PX + 2 * _GAP_PX, 3), _GREY, np.uint8)
    tiles += [blank] * (-len(tiles) % _COLUMNS or (0 if tiles else _COLUMNS))
    return np.vstack([np.hstack(tiles[first : first + _COLUMNS]) for first in range(0, len(tiles), _COLUMNS)])


def _tile(answer: Answer) -> Picture:
    tile = np.full((_SIDE_PX + _CAPTION_PX, 2 * _SIDE_PX + 2 * _GAP_PX, 3), _GREY, np.uint8)
    try:
        _, steps = trace(answer.picture.data)
    except InputError:
        steps = []
    # The first and the last step; of a picture that could not be read, nothing.
    for left, step in zip((0, _SIDE_PX + _GAP_PX), (*steps[:1], *steps[-1:]), strict=False):
        picture = _scaled(step.image)
        tile[: picture.shape[0], left : left + picture.shape[1]] = picture
    said = str(answer.status) if answer.digit is None else f"{answer.digit} {answer.confidence:.2f}"
    truth = "-" if answer.picture.digit is None else answer.picture.digit
    caption = f"{truth}>{said} {answer.picture.style} {answer.picture.group}".encode("ascii", "replace").decode()
    cv2.putText(tile, caption, (2, _SIDE_PX + 13), cv2.FONT_HERSHEY_SIMPLEX, 0.38, (255, 255, 255), 1, cv2.LINE_AA)
    return tile


def _scaled(picture: Picture) -> Picture:
    height, width = picture.shape[:2]
    scale = _SIDE_PX / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    colour = picture if picture.ndim == 3 else np.dstack([picture] * 3)
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST
    return np.asarray(cv2.resize(colour, size, interpolation=way), np.uint8)
