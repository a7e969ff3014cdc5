"""The peers: how each is started, and what it is told about the machine."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.server import ROOT, free_port
from service.settings import tensorflow_variables

APPS = "benchmarks.peers.apps"


@dataclass(frozen=True)
class Layout:
    """Processes with a model in them, TensorFlow's threads in each, and how long a batch is gathered for."""

    workers: int
    threads: int
    wait_ms: int = 1

    def __str__(self) -> str:
        waits = "" if self.wait_ms == 1 else f" {self.wait_ms} ms"
        return f"{self.workers}×{self.threads}{waits}"


LAYOUTS = (Layout(1, 1), Layout(1, 2), Layout(2, 1))
"""What is tried first on two cores; the quickest is measured."""
PATIENT_LAYOUTS = (*LAYOUTS, Layout(1, 1, 4), Layout(2, 1, 4))
"""For the one that is compared most closely: batches grow with the wait, and so does what a lone request takes."""


@dataclass(frozen=True)
class Start:
    """What starting a server takes: the peer's Python, a port, a layout, a folder for what it writes."""

    python: Path
    port: int
    layout: Layout
    folder: Path

    def module(self, name: str, *arguments: str) -> list[str]:
        """`python -m name arguments…`"""
        return [str(self.python), "-m", name, *arguments]


@dataclass(frozen=True)
class Peer:
    """`name` is its lock in requirements/peers/ too. `path`: where it takes pictures. `speaks`: the form of its bodies."""

    name: str
    title: str
    distribution: str
    command: Callable[[Start], list[str]]
    environment: dict[str, str] = field(default_factory=dict)
    path: str = "/predict"
    speaks: str = "ours"
    layouts: tuple[Layout, ...] = LAYOUTS

    def environment_for(self, start: Start, model_dir: Path) -> dict[str, str]:
        """What the process and its children get: of ours, and nothing that would turn into a proxy or a GPU."""
        ports = {name: str(free_port()) for name in ("PEER_SECOND_PORT", "PEER_THIRD_PORT")}
        return {
            **tensorflow_variables(),  # with the kernels that are quickest here, as our engine
            **{name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")},
            **ports,
            "PYTHONPATH": str(ROOT),
            "HOME": str(start.folder),
            "TMPDIR": str(start.folder),
            "CUDA_VISIBLE_DEVICES": "-1",
            "PEER_PORT": str(start.port),
            "PEER_WORKERS": str(start.layout.workers),
            "PEER_THREADS": str(start.layout.threads),
            "PEER_WAIT_MS": str(start.layout.wait_ms),
            "PEER_MODEL_DIR": str(model_dir.resolve()),
            **{name: value.format(start=start, model=model_dir, **ports) for name, value in self.environment.items()},
        }


def _mosec(start: Start) -> list[str]:
    arguments = ["--address", "127.0.0.1", "--port", str(start.port), "--timeout", "30000", "--log-level", "warning"]
    return start.module(f"{APPS}.mosec_app", *arguments)


def _bentoml(start: Start) -> list[str]:
    where = ["--host", "127.0.0.1", "--port", str(start.port), "--working-dir", str(ROOT)]
    return start.module("bentoml", "serve", f"{APPS}.bento_app:Front", *where)


def _litserve(start: Start) -> list[str]:
    return start.module(f"{APPS}.lit_app")


def _mlserver(start: Start) -> list[str]:
    return [str(start.python.parent / "mlserver"), "start", str(start.folder)]


def _ray(start: Start) -> list[str]:
    return start.module(f"{APPS}.ray_app")


def _flask(start: Start) -> list[str]:
    # Threads, because gunicorn's plain worker closes every connection after one answer.
    arguments = ["--workers", str(start.layout.workers), "--threads", "8", "--bind", f"127.0.0.1:{start.port}"]
    return start.module("gunicorn", *arguments, "--log-level", "warning", f"{APPS}.flask_app:app")


PEERS = (
    Peer("mosec", "mosec", "mosec", _mosec, layouts=PATIENT_LAYOUTS),
    Peer(
        "bentoml",
        "BentoML",
        "bentoml",
        _bentoml,
        {
            "BENTOML_DO_NOT_TRACK": "True",
            "BENTOML_HOME": "{start.folder}",
            "BENTOML_CONFIG_OPTIONS": "services.logging.access.enabled=false",
        },
    ),
    Peer("litserve", "LitServe", "litserve", _litserve),
    Peer(
        "mlserver",
        "MLServer",
        "mlserver",
        _mlserver,
        {
            "MLSERVER_HOST": "127.0.0.1",
            "MLSERVER_HTTP_PORT": "{start.port}",
            "MLSERVER_GRPC_PORT": "{PEER_SECOND_PORT}",
            "MLSERVER_METRICS_PORT": "{PEER_THIRD_PORT}",
            "MLSERVER_DEBUG": "false",
            "MLSERVER_PARALLEL_WORKERS": "{start.layout.workers}",
            "MLSERVER_MODEL_NAME": "digits",
            "MLSERVER_MODEL_IMPLEMENTATION": f"{APPS}.mlserver_app.Digits",
            "MLSERVER_MODEL_MAX_BATCH_SIZE": "128",
            "MLSERVER_MODEL_MAX_BATCH_TIME": "0.00{start.layout.wait_ms}",
        },
        path="/v2/models/digits/infer",
        speaks="v2",
    ),
    Peer(
        "ray",
        "Ray Serve",
        "ray",
        _ray,
        {
            "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_TMPDIR": "{start.folder}",
            "RAY_AUTH_MODE": "disabled",
            "RAY_raylet_start_wait_time_s": "90",
        },
    ),
    Peer("flask", "Flask script", "flask", _flask),
)
