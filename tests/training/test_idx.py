from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.data.idx import decode_idx, encode_idx


@given(st.lists(st.integers(0, 4), min_size=1, max_size=4), st.integers(0, 2**32 - 1))
def test_what_is_encoded_is_decoded(shape: list[int], seed: int) -> None:
    array = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    decoded = decode_idx(encode_idx(array))
    assert decoded.shape == array.shape
    assert (decoded == array).all()


def test_the_header_is_the_published_one() -> None:
    """The header of MNIST's training images: magic number 0x00000803 = 2051, then 60000, 28, 28 in full size."""
    assert encode_idx(np.zeros((2, 28, 28), np.uint8))[:16] == struct.pack(">IIII", 2051, 2, 28, 28)
    assert encode_idx(np.zeros(5, np.uint8))[:8] == struct.pack(">II", 2049, 5)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "not an IDX"),
        (b"\x89PNG\r\n", "not an IDX"),
        (struct.pack(">2xBBI", 0x0D, 1, 1) + b"\0\0\0\0", "not an IDX file of unsigned bytes"),
        (struct.pack(">2xBBI", 8, 2, 1), "within its header"),
        (struct.pack(">2xBBI", 8, 1, 3) + b"ab", "holds 2 elements"),
        (struct.pack(">2xBBI", 8, 1, 3) + b"abcd", "holds 4 elements"),
    ],
)
def test_anything_else_is_refused(content: bytes, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        decode_idx(content)


def test_no_silent_conversion() -> None:
    with pytest.raises(ValueError, match="int64"):
        encode_idx(np.zeros(3, np.int64))
