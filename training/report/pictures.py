"""Small pictures inside the page: PNGs as `data:` addresses, to be enlarged without smoothing."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray


def ink_url(image: NDArray[np.uint8]) -> str:
    """A picture uint8 (H, W, C) as the data set has it. A grey one becomes black ink on nothing, so that it can lie on
    any paper, and be inverted on a dark one.
    """
    if image.shape[-1] == 1:
        image = np.concatenate([np.zeros_like(image), image], axis=2)
    return png_url(image)


def png_url(pixels: NDArray[np.uint8]) -> str:
    """Pixels uint8 (H, W, 2) as grey and alpha, (H, W, 3) as RGB, (H, W) as grey."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
