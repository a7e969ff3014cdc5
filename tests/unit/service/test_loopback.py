"""Who counts as being on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.loopback import FORWARDING_HEADERS, is_local, is_loopback

HERE = "127.0.0.1"


@pytest.mark.parametrize("address", ["127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1", "::ffff:7f00:1"])
def test_addresses_of_this_machine(address: str) -> None:
    assert is_loopback(address)
    assert is_local({}, address)


@pytest.mark.parametrize(
    "address",
    [None, "", "localhost", "10.0.0.1", "126.255.255.255", "128.0.0.1", "0.0.0.0", "::", "::2", "::ffff:10.0.0.1",
     "fe80::1%lo", "127.0.0.1.example", "127.1", "unix:"],
)  # fmt: skip
def test_addresses_of_others_and_none(address: str | None) -> None:
    assert not is_loopback(address)
    assert not is_local({}, address)


@pytest.mark.parametrize("name", FORWARDING_HEADERS)
@pytest.mark.parametrize("value", [b"203.0.113.9", b"127.0.0.1", b""])
def test_what_a_proxy_forwards_is_from_elsewhere(name: bytes, value: bytes) -> None:
    assert not is_local({b"host": b"localhost", name: value}, HERE)


def test_the_documentation_names_those_headers() -> None:
    document = (Path(__file__).resolve().parents[3] / "docs" / "security.md").read_text(encoding="utf-8").lower()
    assert not [name for name in FORWARDING_HEADERS if f"`{name.decode()}`" not in document]


@pytest.mark.parametrize(
    "host",
    [b"127.0.0.1:8000", b"127.0.0.1", b"localhost", b"LocalHost:8000", b"[::1]:8000", b"digits.localhost:80", b""],
)
def test_names_of_this_machine(host: bytes) -> None:
    assert is_local({b"host": host}, HERE)


@pytest.mark.parametrize(
    "host",
    [b"evil.example", b"evil.example:8000", b"localhost.evil.example", b"notlocalhost", b"10.0.0.1", b"[::2]:80"],
)
def test_a_name_that_was_bent_to_this_machine(host: bytes) -> None:
    assert not is_local({b"host": host}, HERE)


@pytest.mark.parametrize(
    ("origin", "local"),
    [
        (b"http://localhost:8000", True),
        (b"https://localhost:8000", True),
        (b"HTTP://LOCALHOST:8000", True),
        (b"http://localhost:3000", False),
        (b"http://localhost", False),
        (b"https://evil.example", False),
        (b"null", False),
    ],
)
def test_a_browser_here_asks_for_the_page_it_shows(origin: bytes, local: bool) -> None:
    assert is_local({b"host": b"localhost:8000", b"origin": origin}, HERE) is local


def test_a_page_that_names_itself_to_a_host_without_a_name() -> None:
    assert not is_local({b"origin": b"https://evil.example"}, HERE)
