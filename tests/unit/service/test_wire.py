from __future__ import annotations

import contextlib

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service import wire
from service.catalogue import STATES, Catalogue, Device, ModelVersion

numbers = st.integers(0, 2**63 - 1)
times = st.floats(allow_nan=False)
texts = st.sampled_from(["", "cnn", "größer · 大", "\x00", "x" * 300])
cards = st.dictionaries(texts, st.one_of(texts, numbers, st.lists(times, max_size=3)), max_size=3)
versions = st.builds(ModelVersion, texts, numbers, st.sampled_from(STATES), st.none() | texts, cards)
devices = st.builds(Device, st.sampled_from(["cpu", "gpu"]), texts)
catalogues = st.builds(
    Catalogue, texts, texts, numbers, texts, texts, devices, st.lists(versions, max_size=4).map(tuple)
)
to_engine = st.one_of(st.builds(wire.Predict, numbers, texts, numbers, times), st.builds(wire.Ping, texts))
from_engine = st.one_of(
    st.builds(wire.Predicted, numbers, times, times),
    st.builds(wire.Refused, numbers, texts, texts),
    st.builds(wire.Pong, texts, st.booleans(), numbers, st.none() | catalogues),
)


@given(to_engine)
def test_what_a_worker_says_arrives(message: wire.ToEngine) -> None:
    assert wire.decode_to_engine(wire.encode(message)) == message
    assert wire.decode_to_engine(memoryview(wire.encode(message))) == message


@given(from_engine)
def test_what_an_engine_says_arrives(message: wire.FromEngine) -> None:
    assert wire.decode_from_engine(wire.encode(message)) == message


@given(from_engine)
def test_the_two_directions_are_not_mixed_up(message: wire.FromEngine) -> None:
    with pytest.raises(msgspec.MsgspecError):
        wire.decode_to_engine(wire.encode(message))


@given(st.binary(max_size=40))
@example(b"\x94\xa1R\x01\xa1\xff\xa1a")  # a text that is no UTF-8
@example(b"\x92\xa1q\xa1\xff")
@example(b"\x92\xa1Q" + b"\x91" * 5000)
def test_noise_is_refused_as_the_docstring_says(noise: bytes) -> None:
    for decode in (wire.decode_to_engine, wire.decode_from_engine):
        with contextlib.suppress(msgspec.MsgspecError):
            decode(noise)


def test_a_later_field_at_the_end_harms_nobody() -> None:
    old = wire.Predicted(7, 0.5, 0.25)
    tag, *fields = msgspec.msgpack.decode(wire.encode(old))
    newer = msgspec.msgpack.encode([tag, *fields, "something of next year"])
    assert wire.decode_from_engine(newer) == old


def test_a_header_is_small() -> None:
    assert len(wire.encode(wire.Predict(123_456, "cnn", 1, 9.9))) < 32
