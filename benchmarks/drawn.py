"""Pictures of digits drawn here, so that measuring needs no data set."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]

SIDE_PX = 28
INK_SIDE_PX = 20
CENTRE_PX = 14

_CANVAS_PX = 280
_PEN_PX = 22


def draw_digit(digit: int) -> Picture:
    """`digit` (0 to 9) as MNIST would hold it: uint8 (28, 28), white on black.

    The longest side of the ink is 20 pixels, the peak 255, and the centre of mass lies on pixel 14 (LeCun et al., 1998).
    """
    canvas = np.zeros((_CANVAS_PX, _CANVAS_PX), np.uint8)
    cv2.putText(canvas, str(digit), (60, 220), cv2.FONT_HERSHEY_SIMPLEX, 7.5, 255, _PEN_PX, cv2.LINE_AA)
    left, top, width, height = cv2.boundingRect(canvas)
    scale = INK_SIDE_PX / max(width, height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    ink = cv2.resize(canvas[top : top + height, left : left + width], size, interpolation=cv2.INTER_AREA)
    ink = np.round(ink * (255.0 / ink.max())).astype(np.uint8)
    moments = cv2.moments(ink)
    x = round(CENTRE_PX - moments["m10"] / moments["m00"])
    y = round(CENTRE_PX - moments["m01"] / moments["m00"])
    picture = np.zeros((SIDE_PX, SIDE_PX), np.uint8)
    picture[y : y + ink.shape[0], x : x + ink.shape[1]] = ink
    return picture


def png(picture: Picture) -> bytes:
    """`picture`, uint8 (H, W), as a grey 8-bit PNG."""
    written, data = cv2.imencode(".png", picture)
    if not written:
        raise ValueError(f"no PNG can be made of an array of shape {picture.shape}")
    return data.tobytes()


def photo(width: int = 3024, height: int = 4032) -> bytes:
    """A 7 in dark ink on unevenly lit, grainy paper, as a phone would take it: a JPEG of 12 megapixels."""
    light = np.linspace(190, 225, width, dtype=np.float32)
    grain = np.random.default_rng(0).normal(0.0, 4.0, (height, width)).astype(np.float32)
    picture = cv2.cvtColor(np.clip(light + grain, 0, 255).astype(np.uint8), cv2.COLOR_GRAY2BGR)
    corners = np.array([(0.27, 0.2), (0.73, 0.2), (0.53, 0.47), (0.43, 0.8)]) * (width, height)
    cv2.polylines(picture, [corners.astype(np.int32)], False, (60, 30, 30), width // 19, cv2.LINE_AA)
    written, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 85])
    if not written:
        raise ValueError(f"no JPEG can be made of {width}×{height} pixels")
    return data.tobytes()
