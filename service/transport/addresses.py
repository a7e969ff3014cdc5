"""`ipc://<path>` is a Unix domain socket, `tcp://<host>:<port>` is TCP."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

BACKLOG = 128
BUFFER_BYTES = 1 << 20
"""Asked for on either side of a Unix socket, so that a request of some hundred pictures is on its way while the engine works.
The kernel gives at most `net.core.wmem_max`."""
UNDER_WAY = (0, errno.EINPROGRESS)
MAX_PORT = 65_535


def listen(endpoint: str) -> socket.socket:
    """A listening socket that never blocks; a Unix socket that an earlier process left there is removed.

    :raise OSError: the address cannot be had.
    """
    family, address = _parse(endpoint)
    if isinstance(address, str):
        _remove_stale(address)
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if family != socket.AF_UNIX:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener


def dial(endpoint: str) -> socket.socket:
    """A socket on its way to `endpoint`: it can be written to once that is reached, which takes no time on one machine,
    or once `dial_error` tells why it was not.

    :raise OSError: nobody listens there.
    """
    family, address = _parse(endpoint)
    sock = socket.socket(family, socket.SOCK_STREAM)
    prepare(sock)
    code = sock.connect_ex(address)
    if code not in UNDER_WAY:
        sock.close()
        raise OSError(code, os.strerror(code), endpoint)
    return sock


def is_near(endpoint: str) -> bool:
    """Whether to dial it takes no time; else its name may have to be looked up, for seconds."""
    return endpoint.startswith("ipc://")


def dial_error(sock: socket.socket) -> int:
    """The number of the error that ended an attempt to connect; 0: none."""
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


def prepare(sock: socket.socket) -> None:
    """Set what both ends of a connection need: it does not block, and does not wait to fill packets."""
    sock.setblocking(False)
    if sock.family == socket.AF_UNIX:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
        return
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


def _parse(endpoint: str) -> tuple[socket.AddressFamily, str | tuple[str, int]]:
    scheme, _, rest = endpoint.partition("://")
    if scheme == "ipc":
        return socket.AF_UNIX, rest
    host, _, port = rest.rpartition(":")
    if scheme != "tcp" or not host or not port.isdecimal() or int(port) > MAX_PORT:
        raise OSError(errno.EINVAL, "neither ipc://<path> nor tcp://<host>:<port>", endpoint)
    host = host.strip("[]")
    if host == "*":
        host = "0.0.0.0"  # noqa: S104  # whoever writes a star wants that
    try:
        found = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError(errno.EINVAL, f"no name of a host: {error}", endpoint) from None
    # IPv4 where there is both: an engine that listens everywhere does so on 0.0.0.0.
    family, _, _, _, address = min(found, key=lambda one: one[0] != socket.AF_INET)
    return family, (str(address[0]), int(address[1]))


def _remove_stale(path: str) -> None:
    if Path(path).is_socket():
        Path(path).unlink(missing_ok=True)
