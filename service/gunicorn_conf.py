"""gunicorn's configuration, from our settings: `gunicorn -c python:service.gunicorn_conf "service.asgi:create()"`."""

from __future__ import annotations

import math
from typing import Any

from service import children, logs, settings

_settings = settings.load()
settings.share_metrics(_settings)
logs.configure(_settings, "http")

bind = f"{_settings.host}:{_settings.port}"
workers = _settings.worker_count
worker_class = "service.worker.Worker"
backlog = 2048
# The notice comes first; what is left of a drain, less what it takes gunicorn and the engines to end.
graceful_timeout = max(1, math.floor(_settings.drain_seconds - _settings.notice_seconds - 0.5))
timeout = 60 + graceful_timeout  # a worker that drains gives no sign of life
keepalive = 75
control_socket_disable = True
logger_class = "service.worker.Logger"


def post_fork(_: Any, __: Any) -> None:
    """A worker does not outlive gunicorn's master, however that ends: it would keep the port."""
    children.end_with_parent()


def child_exit(_: Any, worker: Any) -> None:
    """A worker's gauges end with it."""
    from service import metrics

    metrics.forget_process(worker.pid)
