"""gunicorn's worker and logger, bent to our logs, and uvicorn's server, which learns to leave without slamming doors."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from pathlib import Path
from typing import Any, ClassVar

from gunicorn.arbiter import Arbiter
from gunicorn.config import Config
from gunicorn.glogging import Logger as GunicornLogger
from uvicorn import Config as ServerConfig
from uvicorn import Server
from uvicorn_worker import UvicornWorker

from service import settings
from service.http1 import connections_to

REPLACED_LINGER_SECONDS = 2.0
"""How long a worker that is replaced goes on taking connections: until its successor has started, as a rule."""
STOPPED_LINGER_SECONDS = 1.0
"""How long one that takes no more keeps those open that have asked nothing."""
ACCEPTED_AT_ONCE = 8
"""libuv takes one new connection from a socket between two looks at all of them. A busy loop looks some hundred times a
second, so that of many new callers the last would wait for seconds: each socket is listened to so many times.
"""
_LOOK_SECONDS = 0.05


class Logger(GunicornLogger):  # type: ignore[misc]  # gunicorn has no types
    """Leaves format and destination to the root logger; requests are logged by the application."""

    def setup(self, _: Config) -> None:
        self.error_log.propagate = True
        self.error_log.setLevel(logging.INFO)
        self.error_log.addFilter(_worth_saying)
        self.access_log.propagate = False

    def access(self, *_: Any) -> None:
        """Nothing: see `service.observation.Recorder`."""


def _worth_saying(record: logging.LogRecord) -> bool:
    """uvloop closes a worker's sockets first; that gunicorn then finds them closed is no error."""
    return not record.getMessage().startswith("Error while closing socket")


class PoliteServer(Server):
    """Closes kept-alive connections by an answer that says so, not under a request that is on its way.

    uvicorn by itself closes idle ones at once when it is told to stop, and a client that has just sent its next request
    sees a reset. Here they stay open for a short while, and every answer from then on carries `Connection: close`. A
    worker that is only replaced takes new connections meanwhile, too; when the whole service stops (then
    `draining_path` exists), nobody does.
    """

    def __init__(self, config: ServerConfig, draining_path: Path, longest_linger_seconds: float) -> None:
        super().__init__(config)
        self._draining_path = draining_path
        self._longest_linger_seconds = longest_linger_seconds

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """What was accepted is answered; returns when it has been."""
        # The one list that answers which have begun and those to come both take their first headers from.
        self.server_state.default_headers.append((b"connection", b"close"))
        if not await asyncio.to_thread(self._draining_path.exists):
            await self._sleep(min(REPLACED_LINGER_SECONDS, self._longest_linger_seconds))
        for server in self.servers:
            server.close()
        # What was accepted last has had no time to ask yet.
        await self._sleep(min(STOPPED_LINGER_SECONDS, self._longest_linger_seconds), until_all_have_gone=True)
        await super().shutdown(sockets)

    async def _sleep(self, seconds: float, *, until_all_have_gone: bool = False) -> None:
        loop = asyncio.get_running_loop()
        end_seconds = loop.time() + seconds
        while loop.time() < end_seconds and not self.force_exit:
            if until_all_have_gone and not self.server_state.connections:
                return
            await asyncio.sleep(_LOOK_SECONDS)


class Worker(UvicornWorker):  # type: ignore[misc]  # nor has this
    """uvicorn on uvloop and httptools, with connections that know the lane."""

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {
        "loop": "uvloop",
        "lifespan": "on",
        "ws": "none",
        "access_log": False,
        "server_header": False,
        "proxy_headers": False,
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # uvicorn tells of every connection it drains; what goes wrong is enough
        errors = logging.getLogger("uvicorn.error")
        errors.propagate = True
        errors.setLevel(logging.WARNING)
        # With nowhere to go its lines are not put together either.
        logging.getLogger("uvicorn.access").propagate = False

    async def _serve(self) -> None:
        self.config.app = self.wsgi
        self.config.http = connections_to(self.wsgi.lane)
        draining_path = settings.load().draining_path
        server = PoliteServer(self.config, draining_path, self.cfg.graceful_timeout / 8)
        self._install_sigquit_handler()
        more = [sock.dup() for sock in self.sockets for _ in range(ACCEPTED_AT_ONCE - 1)]
        await server.serve(sockets=[*self.sockets, *more])
        if not server.started:
            sys.exit(Arbiter.WORKER_BOOT_ERROR)
