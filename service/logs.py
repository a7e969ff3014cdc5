"""Structured logs: one event and its facts a line, JSON for machines or colours at a terminal, always to stderr.

A process whose descriptor 2 is not for our log, but for what libraries write there, is told another one for it.
"""

from __future__ import annotations

import functools
import logging
import os
import sys
from typing import TextIO

import structlog
from structlog.typing import Processor

from service.settings import Settings, log_descriptor


def configure(settings: Settings, process: str) -> None:
    """Send everything, also what gunicorn, uvicorn and warnings say, through one formatter.

    `process` (`"http"`, `"engine"`, `"supervisor"`) stands on every line.
    """
    to = stream()
    as_json = settings.log_format == "json" or (settings.log_format == "auto" and not to.isatty())
    level = getattr(logging, settings.log_level.upper())

    def name_process(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        event["process"] = process
        return event

    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=as_json),
        name_process,
    ]
    render: list[Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if as_json
        # Plain: where Rich is installed, its tracebacks take seconds and show what requests held.
        else [structlog.dev.ConsoleRenderer(colors=to.isatty(), exception_formatter=structlog.dev.plain_traceback)]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(to)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("gunicorn.error", "gunicorn.access", "uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers[:] = []
        logger.propagate = True
    logging.captureWarnings(True)


@functools.cache
def stream() -> TextIO:
    """Where this process logs, and says to its user why it cannot start."""
    descriptor = log_descriptor()
    if descriptor is None:
        return sys.stderr
    try:
        return os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace")
    except OSError:  # none of ours
        return sys.stderr


def get(name: str) -> structlog.stdlib.BoundLogger:
    """A logger: `log.info("engine_ready", seconds=1.2)`."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger
