"""The head of an answer."""

from __future__ import annotations

import pytest

from service.http1.heads import Header, Heads


def head(defaults: list[Header], *more: Header, keep_alive: bool = True) -> bytes:
    return Heads([(b"cache-control", b"no-store")]).head(
        200, defaults, "application/json", 12, more, keep_alive=keep_alive
    )


def test_its_lines() -> None:
    assert head([(b"date", b"now")], (b"x-request-id", b"7")) == (
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 12\r\nx-request-id: 7\r\n"
        b"date: now\r\ncache-control: no-store\r\n\r\n"
    )


@pytest.mark.parametrize("keep_alive", [True, False])
def test_that_the_connection_ends_is_said_once(keep_alive: bool) -> None:
    assert head([(b"connection", b"close")], keep_alive=keep_alive).count(b"connection: close\r\n") == 1
    assert head([], keep_alive=keep_alive).count(b"connection: close\r\n") == (not keep_alive)


@pytest.mark.parametrize("value", [b"a\r\nset-cookie: b", b"a\nb", b"a\0"])
def test_no_value_can_add_a_line(value: bytes) -> None:
    with pytest.raises(ValueError, match="the header x-request-id has a control character"):
        head([], (b"x-request-id", value))


def test_what_is_common_follows_the_server() -> None:
    heads, defaults = Heads([]), [(b"date", b"1")]
    assert not heads.closes(defaults)
    defaults.append((b"connection", b"close"))
    assert heads.closes(defaults)
    assert not heads.closes([(b"date", b"2")])
    assert b"date: 2" in heads.head(404, [(b"date", b"2")], "text/plain", 0, (), keep_alive=True)
