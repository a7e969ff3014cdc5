"""gunicorn's worker and logger, bent to our logs."""

from __future__ import annotations

import logging
from typing import Any, ClassVar

from gunicorn.config import Config
from gunicorn.glogging import Logger as GunicornLogger
from uvicorn_worker import UvicornWorker


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


class Worker(UvicornWorker):  # type: ignore[misc]  # nor has this
    """uvicorn on uvloop and httptools."""

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {
        "loop": "uvloop",
        "http": "httptools",
        "lifespan": "on",
        "ws": "none",
        "access_log": False,
        "server_header": False,
        "proxy_headers": False,
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("uvicorn.error", "uvicorn.access"):
            logging.getLogger(name).propagate = True
            # uvicorn tells of every connection it drains; what goes wrong is enough
            logging.getLogger(name).setLevel(logging.WARNING)
