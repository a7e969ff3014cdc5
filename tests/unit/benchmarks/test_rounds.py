from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from benchmarks.drawn import draw_digit
from benchmarks.rounds import BULK_PICTURES, DIGIT, write_payloads


def test_both_payloads_show_the_same_digit(tmp_path: Path) -> None:
    single, many = write_payloads(tmp_path)
    expected = draw_digit(DIGIT)
    decoded = cv2.imdecode(np.frombuffer(single.path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    assert decoded is not None
    assert np.array_equal(decoded, expected)
    raw = np.frombuffer(many.path.read_bytes(), np.uint8).reshape(-1, 28, 28)
    assert len(raw) == BULK_PICTURES == many.pictures
    assert (raw == expected).all()
    assert single.digit == many.digit == DIGIT
