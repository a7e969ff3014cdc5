from __future__ import annotations

from io import BytesIO

import cv2
import numpy as np
import pytest
from PIL import Image

from benchmarks.drawn import CENTRE_PX, INK_SIDE_PX, SIDE_PX, draw_digit, photo, png
from service.images import read_picture


@pytest.mark.parametrize("digit", range(10))
def test_a_digit_is_as_mnist_would_hold_it(digit: int) -> None:
    picture = draw_digit(digit)
    assert picture.shape == (SIDE_PX, SIDE_PX)
    assert picture.dtype == np.uint8
    rows, columns = np.nonzero(picture)
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == INK_SIDE_PX
    assert picture.max() == 255
    weights = picture.astype(np.float64)
    centre = [(weights.sum(axis=1 - axis) * np.arange(SIDE_PX)).sum() / weights.sum() for axis in (0, 1)]
    assert np.abs(np.subtract(centre, CENTRE_PX)).max() <= 0.5


def test_the_digits_differ() -> None:
    assert len({draw_digit(digit).tobytes() for digit in range(10)}) == 10


def test_a_png_gives_the_same_pixels_back() -> None:
    picture = draw_digit(7)
    data = png(picture)
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert decoded is not None
    assert np.array_equal(decoded, picture)


def test_the_photo_is_of_the_size_asked_for_and_can_be_read() -> None:
    data = photo(300, 400)
    with Image.open(BytesIO(data)) as picture:
        assert (picture.format, picture.size) == ("JPEG", (300, 400))
    assert np.count_nonzero(read_picture(data)) > 50
