"""gunicorn's worker, as far as it can be had without gunicorn."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from service import worker as worker_module
from service.worker import ACCEPTED_AT_ONCE, Worker


def test_each_socket_is_listened_to_several_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """And what is listened to is the same port, so that whoever connects is taken by any of them."""
    served: list[list[socket.socket]] = []

    class Server:
        started = True

        def __init__(self, *_: object) -> None:
            pass

        async def serve(self, sockets: list[socket.socket]) -> None:
            served.append(sockets)

    monkeypatch.setattr(worker_module, "PoliteServer", Server)
    made: Any = object.__new__(Worker)  # gunicorn's own beginning needs an arbiter
    made.config = type("Config", (), {})()
    made.cfg = type("Cfg", (), {"graceful_timeout": 8})()
    made.wsgi = type("App", (), {"lane": None})()
    made._install_sigquit_handler = lambda: None
    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
        made.sockets = [first, second]
        asyncio.run(made._serve())
        [sockets] = served
        ports = [sock.getsockname()[1] for sock in sockets]
        for own in (first, second):
            assert ports.count(own.getsockname()[1]) == ACCEPTED_AT_ONCE
        assert len({sock.fileno() for sock in sockets}) == len(sockets) == 2 * ACCEPTED_AT_ONCE
        for sock in sockets:
            sock.close()
