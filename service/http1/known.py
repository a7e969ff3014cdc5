"""Heads that have been parsed before, by their bytes.

A program that posts pictures sends the same head with each, or one of few, as bodies differ in length. Looking up its bytes
takes a tenth of what parsing them does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from service.endpoint import Endpoint

KEPT = 1024
"""So many; when they are more, all are forgotten and learnt anew."""
_HEAD_BYTES_MAX = 1024
_END = b"\r\n\r\n"
_KEPT_HEADERS = frozenset(
    {
        b"host", b"user-agent", b"accept", b"accept-encoding", b"accept-language", b"content-type", b"content-length",
        b"content-encoding", b"origin", b"referer", b"x-request-timeout-ms",
    }
)  # fmt: skip
"""A head with any other is not kept: it may say more of its request than how long it is, hold a secret, or be another each
time, of which a thousand would drive out those that are worth it.
"""


class KnownHead(NamedTuple):
    """What was found in one, of a request with a body of `content_length` bytes and nothing unusual about it."""

    endpoint: Endpoint
    path: str
    query: bytes
    headers: Mapping[bytes, bytes]
    content_length: int


class KnownHeads:
    """Of one worker."""

    def __init__(self) -> None:
        self._known: dict[bytes, KnownHead] = {}

    def find(self, data: bytes) -> tuple[KnownHead, bytes] | None:
        """The head and the body of the one request that `data` is; None: that has to be found out by parsing."""
        at = data.find(_END) + len(_END)
        known = self._known.get(data[:at])
        if known is None or len(data) - at != known.content_length:
            return None
        return known, data[at:]

    def learn(
        self,
        data: bytes,
        endpoint: Endpoint,
        path: str,
        query: bytes,
        headers: Mapping[bytes, bytes],
        body: bytes,
    ) -> None:
        """Keep what the parser found in `data`, an HTTP/1.1 POST that lets its connection be used again."""
        at = data.find(_END) + len(_END)
        stated = headers.get(b"content-length", b"")
        if (
            at > _HEAD_BYTES_MAX
            or not data.startswith(b"POST ")  # not the empty lines that may stand before
            or data[at:] != body
            or stated != b"%d" % len(body)
            or not headers.keys() <= _KEPT_HEADERS
        ):
            return
        if len(self._known) >= KEPT:
            self._known.clear()
        self._known[data[:at]] = KnownHead(endpoint, path, query, headers, len(body))
