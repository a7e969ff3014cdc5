"""The workers that an engine has heard from, and which catalogue each is known to hold."""

from __future__ import annotations

from dataclasses import dataclass

NONE = -1
"""The serial of no catalogue of ours."""


@dataclass(slots=True)
class _Peer:
    heard_seconds: float
    serial: int


class Peers:
    """Time is given, never read. Who has not been heard of for `timeout_seconds` does not count."""

    def __init__(self, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        self._peers: dict[bytes, _Peer] = {}

    def hear(self, peer: bytes, serial: int, now_seconds: float) -> None:
        """`peer` lives and holds the catalogue with this serial number."""
        self._peers[peer] = _Peer(now_seconds, serial)

    def live(self, now_seconds: float) -> list[bytes]:
        """Those heard of lately; the others are forgotten."""
        for name in [n for n, p in self._peers.items() if now_seconds - p.heard_seconds > self._timeout_seconds]:
            del self._peers[name]
        return list(self._peers)

    def all_hold(self, serial: int, now_seconds: float) -> bool:
        """Whether every live one holds the catalogue with this serial number, or a later one."""
        return all(self._peers[name].serial >= serial for name in self.live(now_seconds))
