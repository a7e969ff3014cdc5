"""The whole service in processes of its own, as a user starts it: `python -m service`."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.processes import PATIENCE_SECONDS, Family, eventually, is_stopped

MODEL = "toy"
VERSION = 2
"""The newest of `MODEL`, which answers when none is named."""
KEY = (MODEL, VERSION)
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@dataclass(frozen=True)
class Service:
    """A service that is running, or is about to."""

    family: Family
    run_dir: Path
    url: str
    client: httpx.Client
    """Keeps its connections; `fresh` is for a request that needs one of its own."""

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.url)
        assert parts.hostname is not None
        assert parts.port is not None
        return parts.hostname, parts.port

    def fresh(self, **options: Any) -> httpx.Client:
        return httpx.Client(base_url=self.url, trust_env=False, timeout=PATIENCE_SECONDS, **options)

    # --- its processes

    @property
    def engine_pids(self) -> list[int]:
        """Of the engines that run now."""
        return self.family.find("service.engine")

    @property
    def engine_pid(self) -> int:
        """Of the only engine."""
        (pid,) = eventually(lambda: self.engine_pids)
        return pid

    @property
    def http_pid(self) -> int:
        """Of gunicorn's master."""
        return eventually(lambda: self.family.find("gunicorn", parent=self.family.pid))[0]

    @property
    def worker_pids(self) -> list[int]:
        return self.family.find("gunicorn", parent=self.http_pid)

    @contextlib.contextmanager
    def engine_held(self) -> Iterator[int]:
        """The only engine stands still meanwhile, so what is asked of it stays in flight. Its pid."""
        pid = self.engine_pid
        hold(pid)
        try:
            yield pid
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    # --- what it says of itself

    def is_ready(self) -> bool:
        return self.client.get("/readyz").status_code == 200

    def wait_until_ready(self) -> None:
        """Until it predicts, with every version that is to be loaded."""

        def loaded() -> bool:
            assert self.family.process.poll() is None, self.family.log.read_text()
            with contextlib.suppress(httpx.TransportError):
                if self.is_ready():
                    models = self.client.get("/models").json()["models"]
                    return all(v["state"] != "loading" for model in models for v in model["versions"])
            return False

        eventually(loaded)

    def metrics(self, client: httpx.Client | None = None) -> Samples:
        """Every sample of `/metrics` by name and labels."""
        response = (client or self.client).get("/metrics")
        assert response.status_code == 200, response.text
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(response.text)
            for sample in family.samples
        }

    def metric(self, name: str, **labels: str) -> float:
        """The sum of all samples called `name` that carry these labels, whatever others they carry."""
        return total(self.metrics(), name, **labels)

    def log_lines(self) -> list[str]:
        """All that its processes have written to stderr, whole lines only."""
        return self.family.log.read_text().rpartition("\n")[0].splitlines()

    def events(self, name: str) -> list[dict[str, Any]]:
        """The log's lines about `name`, in order."""
        documents = [json.loads(line) for line in self.log_lines() if line.startswith("{")]
        return [document for document in documents if document["event"] == name]

    # --- its end

    def is_listening(self) -> bool:
        """Whether a new connection is taken."""
        try:
            socket.create_connection(self.address, timeout=PATIENCE_SECONDS).close()
        except ConnectionRefusedError:
            return False
        return True

    def stop(self, signal_number: signal.Signals = signal.SIGTERM) -> int:
        """Send the signal, wait, and see that nothing is left; the exit status."""
        self.family.send(signal_number)
        status = self.family.exit_status()
        assert not self.family.alive(), self.family.alive()
        return status


def hold(pid: int) -> None:
    """Let a process stand still from now on."""
    os.kill(pid, signal.SIGSTOP)
    eventually(lambda: is_stopped(pid))


def total(samples: Samples, name: str, **labels: str) -> float:
    wanted = set(labels.items())
    return sum(value for (sample, its), value in samples.items() if sample == name and wanted <= its)


@contextlib.contextmanager
def started(models_dir: Path, **settings: str) -> Iterator[Service]:
    """Start the service on a free port; it has said its address, and no more, when this yields.

    `settings`, in small letters and without their prefix, go before the usual ones. If it still runs at the end it is
    stopped, and has to end well. Whoever ends it some other way has to look himself at what is left.
    """
    with tempfile.TemporaryDirectory(prefix="digits-") as directory:  # short: a socket's path has 107 bytes at most
        wanted = {
            "port": "0",
            "run_dir": f"{directory}/run",
            "models_dir": str(models_dir),
            "default_model": MODEL,
            "version_policy": "all",
            "device": "cpu",
            "workers": "1",
            "log_format": "json",
            # Most tests look at something else than a slow machine's engine being taken for a hung one, or at the notice.
            "engine_timeout_seconds": "60",
            "drain_notice_seconds": "0",
            **settings,
        }
        variables = {f"DIGITS_{name.upper()}": value for name, value in wanted.items()}
        family = Family(["-m", "service"], variables, Path(directory) / "log")
        try:
            url = eventually(lambda: _url(family))
            with httpx.Client(base_url=url, trust_env=False, timeout=PATIENCE_SECONDS) as client:
                service = Service(family, Path(wanted["run_dir"]), url, client)
                yield service
                if family.process.poll() is None:
                    assert service.stop() == 0, family.log.read_text()
        finally:
            family.end()


def _url(family: Family) -> str:
    ended = family.process.poll() is not None
    for line in family.log.read_text().splitlines(keepends=True):
        if line.endswith("\n") and line.startswith("{") and json.loads(line)["event"] == "service_starting":
            return str(json.loads(line)["url"])
    assert not ended, family.log.read_text()
    return ""
