"""Whether a request comes from this machine, and from nobody behind something on it.

An address proves little by itself: a proxy on the same machine forwards strangers, and a browser on it sends what the
page it shows tells it to, wherever that page is from. Neither can hide well: proxies add headers, browsers name the
page's origin and the host that they think they talk to.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

FORWARDING_HEADERS = (
    b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-real-ip",
)  # fmt: skip


def is_local(headers: Mapping[bytes, bytes], client_host: str | None) -> bool:
    """Whether a program on this machine asks, by itself. `headers` by name in lower case."""
    if not is_loopback(client_host) or any(name in headers for name in FORWARDING_HEADERS):
        return False
    host = headers.get(b"host", b"").decode("latin-1").lower()
    if host and not _names_loopback(host):
        return False  # a stranger's name that leads here: DNS rebinding
    origin = headers.get(b"origin", b"").decode("latin-1").lower()
    return not origin or origin in (f"http://{host}", f"https://{host}")


def is_loopback(address: str | None) -> bool:
    """Whether it is in 127.0.0.0/8, is ::1, or is the former as IPv6 has it (::ffff:127.0.0.1)."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return parsed.is_loopback


def _names_loopback(host: str) -> bool:
    """`host` with or without a port, as the Host header has it."""
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    return name == "localhost" or name.endswith(".localhost") or is_loopback(name)
