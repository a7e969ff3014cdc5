"""Packed bodies: what goes in comes out, what is too much is given up early, what is broken is refused."""

from __future__ import annotations

import contextlib
import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.encodings import LAYERS_LIMIT, MEMBERS_LIMIT, is_packed, unpacked
from service.errors import MalformedRequestError, PayloadTooLargeError, ServiceError, UnsupportedMediaTypeError

LIMIT = 2**20
CONTENT = b"".join(i.to_bytes(4) for i in range(5000))


def raw_deflate(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(content) + packer.flush()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "raw": raw_deflate,
}


def pack(content: bytes, *names: str) -> tuple[bytes, str]:
    """The body, and the Content-Encoding that goes with it."""
    for name in names:
        content = PACKERS[name](content)
    return content, ", ".join("deflate" if name == "raw" else name for name in names)


def refused(body: bytes, encoding: str, limit: int = LIMIT) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        unpacked(body, encoding, limit)
    assert caught.value.field == "body"
    return caught.value


@given(
    st.binary(max_size=300), st.integers(1, 2000), st.lists(st.sampled_from(sorted(PACKERS)), min_size=1, max_size=2)
)
def test_what_goes_in_comes_out(seed: bytes, times: int, names: list[str]) -> None:
    content = seed * times
    assert unpacked(*pack(content, *names), max_bytes=LIMIT) == content


@given(st.lists(st.binary(max_size=40_000), min_size=1, max_size=5))
def test_gzip_may_have_several_members(parts: list[bytes]) -> None:
    assert unpacked(b"".join(gzip.compress(part) for part in parts), "gzip", LIMIT) == b"".join(parts)


@pytest.mark.parametrize("level", [0, 1, 9])
@pytest.mark.parametrize("size", [16_383, 16_384, 16_385, 65_535, 65_536, 65_537, 131_072, 300_000])
def test_sizes_at_which_the_pieces_meet(size: int, level: int) -> None:
    content = (b"\0" * (size // 2) + CONTENT * (size // len(CONTENT) + 1))[:size]
    assert unpacked(gzip.compress(content, level), "gzip", size) == content
    assert unpacked(zlib.compress(content, level), "deflate", size) == content
    assert unpacked(raw_deflate(b"\0" * size), "deflate", size) == b"\0" * size


@pytest.mark.parametrize("encoding", ["", "identity", " Identity ,identity", ","])
def test_nothing_to_unpack(encoding: str) -> None:
    assert not is_packed(encoding)
    assert unpacked(b"as it is", encoding, LIMIT) == b"as it is"


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", " gzip ", "identity, gzip", "gzip,identity", "x-gzip"])
def test_how_it_may_be_written(encoding: str) -> None:
    assert is_packed(encoding)
    assert unpacked(gzip.compress(CONTENT), encoding, LIMIT) == CONTENT


def test_codings_come_off_in_the_reverse_order() -> None:
    body = gzip.compress(zlib.compress(CONTENT))
    assert unpacked(body, "deflate, gzip", LIMIT) == CONTENT
    assert isinstance(refused(body, "gzip, deflate"), MalformedRequestError)


@given(st.sampled_from(["gzip", "deflate", "raw"]), st.integers(0, 2000), st.integers(0, 2000))
def test_the_limit_is_the_size_of_the_result(name: str, size: int, limit: int) -> None:
    body, encoding = pack(b"\0" * size, name)
    if size <= limit:
        assert unpacked(body, encoding, limit) == b"\0" * size
    else:
        error = refused(body, encoding, limit)
        assert isinstance(error, PayloadTooLargeError)
        assert error.message == f"the body unpacks to more than {limit} bytes"


@pytest.mark.parametrize("names", [["gzip"], ["deflate"], ["raw"], ["gzip", "gzip"]])
def test_a_bomb_takes_no_more_memory_than_the_limit(names: list[str]) -> None:
    body, encoding = pack(b"\0" * (64 * LIMIT), *names)
    assert len(body) < LIMIT
    tracemalloc.start()
    try:
        assert isinstance(refused(body, encoding), PayloadTooLargeError)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_bytes < 1.5 * LIMIT


def test_a_good_body_is_held_once() -> None:
    body = gzip.compress(b"\0" * LIMIT)
    tracemalloc.start()
    try:
        result = unpacked(body, "gzip", LIMIT)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(result) == LIMIT
    assert peak_bytes < 1.5 * LIMIT


@given(st.sampled_from(["gzip", "deflate", "raw"]), st.data())
def test_whatever_is_cut_off_is_missed(name: str, data: st.DataObject) -> None:
    body, encoding = pack(CONTENT, name)
    kept = data.draw(st.integers(0, len(body) - 1))
    error = refused(body[:kept], encoding)
    assert isinstance(error, MalformedRequestError)
    if kept > 20:
        assert error.message == f"the {encoding} data are cut short"


@pytest.mark.parametrize(("name", "from_the_end"), [("gzip", 4), ("gzip", 8), ("deflate", 1), ("deflate", 4)])
def test_a_checksum_or_length_that_differs(name: str, from_the_end: int) -> None:
    body, encoding = pack(CONTENT, name)
    changed = bytearray(body)
    changed[-from_the_end] ^= 1
    error = refused(bytes(changed), encoding)
    assert (type(error), error.message) == (MalformedRequestError, f"the body is corrupt or not {encoding} data")


@given(st.binary(min_size=1, max_size=200), st.sampled_from(["gzip", "deflate", "gzip, deflate"]))
def test_any_bytes_end_in_an_answer_or_a_refusal(body: bytes, encoding: str) -> None:
    result = b""
    with contextlib.suppress(MalformedRequestError, PayloadTooLargeError):
        result = unpacked(body, encoding, 1000)
    assert len(result) <= 1000


@pytest.mark.parametrize("name", ["deflate", "raw"])
def test_nothing_may_follow_the_end(name: str) -> None:
    body, encoding = pack(CONTENT, name)
    assert refused(body + b"...", encoding).message == "3 bytes follow the end of the deflate data"


@pytest.mark.parametrize("behind", [b"...", b"\0", b"\0" * 2000, gzip.compress(CONTENT)[:-1]])
def test_nothing_but_a_member_may_follow_a_member(behind: bytes) -> None:
    error = refused(gzip.compress(CONTENT) + behind, "gzip")
    assert isinstance(error, MalformedRequestError)


def test_where_the_second_member_goes_wrong_is_said() -> None:
    first = gzip.compress(CONTENT)
    assert refused(first + b"no member", "gzip").message == (
        f"what follows byte {len(first)} of the gzip data is corrupt or no gzip member"
    )


def test_a_stream_that_needs_a_dictionary_is_refused() -> None:
    packer = zlib.compressobj(zdict=b"a dictionary")
    body = packer.compress(b"a dictionary") + packer.flush()
    assert isinstance(refused(body, "deflate"), MalformedRequestError)


def test_members_have_a_limit() -> None:
    empty = gzip.compress(b"")
    assert unpacked(empty * MEMBERS_LIMIT, "gzip", LIMIT) == b""
    error = refused(empty * (MEMBERS_LIMIT + 1), "gzip")
    assert (type(error), error.message) == (MalformedRequestError, "the gzip data have more than 4096 members")


@pytest.mark.parametrize(
    ("encoding", "message"),
    [
        ("br", "Content-Encoding 'br' is not accepted; accepted: gzip, deflate, identity"),
        ("gzip, zstd", "Content-Encoding 'zstd' is not accepted; accepted: gzip, deflate, identity"),
        ("gzip, gzip, gzip", f"3 content codings upon each other are not accepted; at most {LAYERS_LIMIT}"),
        ("x" * 500, f"Content-Encoding '{'x' * 40}' is not accepted; accepted: gzip, deflate, identity"),
    ],
)
def test_other_codings(encoding: str, message: str) -> None:
    assert is_packed(encoding)
    error = refused(gzip.compress(CONTENT), encoding)
    assert (type(error), error.message) == (UnsupportedMediaTypeError, message)
