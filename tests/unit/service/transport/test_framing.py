"""Messages on a stream of bytes, however they were cut on the way."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.transport.framing import MAX_FRAMES, MAX_MESSAGE_BYTES, Assembler, FramingError, head

MESSAGES = st.lists(st.lists(st.binary(max_size=40), min_size=1, max_size=5), max_size=6)


def stream(messages: list[list[bytes]]) -> bytes:
    return b"".join(b"".join([head(frames), *frames]) for frames in messages)


@given(MESSAGES, st.lists(st.integers(1, 30), min_size=1, max_size=20))
def test_what_is_sent_comes_out_wherever_it_was_cut(messages: list[list[bytes]], cuts: list[int]) -> None:
    assembler, found, rest, turn = Assembler(), [], stream(messages), 0
    while rest:
        size = cuts[turn % len(cuts)]
        turn += 1
        piece, rest = rest[:size], rest[size:]
        found += assembler.feed(piece)
    assert [[bytes(frame) for frame in frames] for frames in found] == messages
    assert assembler.missing == 4  # another message's first number


def test_a_message_that_came_whole_is_not_copied() -> None:
    piece = stream([[b"one", b"two"]])
    [[one, two]] = Assembler().feed(piece)
    assert one.obj is two.obj is piece


def test_lengths_are_counted_in_bytes() -> None:
    numbers = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert head([b"ab", numbers.data]) == struct.pack("<III", 2, 2, 24)


def test_what_is_missing() -> None:
    piece = stream([[b"x" * 1000, b"y" * 500]])
    assembler = Assembler()
    assert assembler.missing == 4
    assert assembler.feed(piece[:2]) == []
    assert assembler.missing == 2
    assert assembler.feed(piece[2:6]) == []
    assert assembler.missing == 6  # the lengths
    assert assembler.feed(piece[6:112]) == []
    assert assembler.missing == 12 + 1500 - 112
    assert len(assembler.feed(piece[112:])) == 1


@pytest.mark.parametrize(
    ("piece", "message"),
    [
        (struct.pack("<I", 0), "of 0 frames"),
        (struct.pack("<I", MAX_FRAMES + 1), f"of {MAX_FRAMES + 1} frames"),
        (struct.pack("<III", 2, MAX_MESSAGE_BYTES, 1), f"of {MAX_MESSAGE_BYTES + 13} bytes"),
        (b"GET / HTTP/1.1\r\n\r\n", "a message of 542393671 frames"),
    ],
)
def test_what_is_no_message(piece: bytes, message: str) -> None:
    with pytest.raises(FramingError, match=message):
        Assembler().feed(piece)


def test_what_comes_before_nonsense_is_lost_with_it() -> None:
    with pytest.raises(FramingError):
        Assembler().feed(stream([[b"well"]]) + b"\xff" * 4)
