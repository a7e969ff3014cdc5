"""Metrics of several processes, read together: each process here is a real one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from service import metrics
from service.settings import load

WORKER = """
import sys
from service import settings
settings.share_metrics(settings.load())
from service import metrics
metrics.REQUESTS.labels("/predict", "POST", "200").inc(int(sys.argv[1]))
metrics.REQUEST_SECONDS.labels("/predict").observe(0.004)
metrics.ENGINE_UP.labels("ipc://engine").set(int(sys.argv[2]))
metrics.QUEUE_PICTURES.set(int(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
"""
Process = subprocess.Popen[str]


class Service:
    """Processes that share one metrics directory."""

    def __init__(self, run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        settings = load(run_dir=run_dir)
        settings.metrics_path.mkdir(parents=True)
        self._environment = {**os.environ, "DIGITS_RUN_DIR": str(run_dir)}
        monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(settings.metrics_path))  # for reading, here
        self._workers: list[Process] = []

    def start(self, requests: int, up: int) -> Process:
        """A worker that has counted so many requests; it lives until `end`."""
        worker = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(requests), str(up)],
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._workers.append(worker)
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
        return worker

    def end(self, worker: Process) -> None:
        self._workers.remove(worker)
        _, errors = worker.communicate("\n")
        assert worker.returncode == 0, errors

    def end_all(self) -> None:
        for worker in list(self._workers):
            self.end(worker)

    def read(self, *forgotten: Process) -> dict[str, float]:
        """What `/metrics` says, after `forgotten` have been taken for dead."""
        for worker in forgotten:
            metrics.forget_process(worker.pid)
        return {
            f"{sample.name}{sample.labels}": sample.value
            for family in text_string_to_metric_families(metrics.exposition().decode())
            for sample in family.samples
        }


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    made = Service(tmp_path, monkeypatch)
    yield made
    made.end_all()


def test_counters_add_up_and_outlive_their_process_and_gauges_do_not(service: Service) -> None:
    requests = "digits_requests_total{'method': 'POST', 'route': '/predict', 'status': '200'}"
    seconds = "digits_request_seconds_count{'route': '/predict'}"
    bucket = "digits_request_seconds_bucket{'le': '0.005', 'route': '/predict'}"
    up = "digits_engine_up{'endpoint': 'ipc://engine'}"
    queue = "digits_queue_pictures{}"
    first, second = service.start(3, up=1), service.start(40, up=0)
    both = service.read()
    assert (both[requests], both[seconds], both[bucket]) == (43, 2, 2)
    assert both[up] == 0  # one worker that hears no engine is enough
    assert both[queue] == 43
    service.end(second)
    after = service.read(second)
    assert (after[requests], after[seconds]) == (43, 2)
    assert (after[up], after[queue]) == (1, 3)
    service.start(500, up=1)
    third = service.read()
    assert (third[requests], third[queue]) == (543, 503)
    service.end(first)


def test_samples_of_some_metrics_are_those_of_all_processes(service: Service) -> None:
    service.start(3, up=1)
    service.start(40, up=1)
    found = list(metrics.samples(["digits_requests", "digits_request_seconds"]))
    assert {sample.name for sample in found} == {
        "digits_requests_total",
        *(f"digits_request_seconds_{part}" for part in ("bucket", "count", "sum")),
    }
    assert [sample.value for sample in found if sample.name == "digits_requests_total"] == [43]


def test_alone_a_process_tells_of_itself() -> None:
    code = "from service import metrics; metrics.ENGINE_RESTARTS.inc(2); print(metrics.exposition().decode())"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "digits_engine_restarts_total 2.0" in ran.stdout


def test_names_carry_their_unit_and_every_metric_its_help() -> None:
    families = text_string_to_metric_families(metrics.exposition().decode())
    ours = [family for family in families if family.name.startswith("digits_")]
    assert len(ours) >= 14
    for family in ours:
        assert family.documentation.endswith("."), family.name
        if family.type == "histogram":
            assert family.name.endswith(("_seconds", "_pictures", "_confidence")), family.name
