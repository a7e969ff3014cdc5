"""How the service comes up, and how it says that it cannot."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.requests import as_base64, encoded, error, rows
from tests.e2e.service_process import Service, started
from tests.processes import eventually, is_stopped, run_python
from tests.reference import Reference

pytestmark = pytest.mark.slow


def retry_after_seconds(response: httpx.Response) -> int:
    assert response.status_code == 503
    assert error(response)["type"] == "not_ready"
    return int(response.headers["retry-after"])


@pytest.mark.slow
def test_it_is_alive_before_it_is_ready_and_says_503_until_then(reference: Reference) -> None:
    """The engine is held where it loads TensorFlow, for as long as the test looks."""
    with started(reference.models_dir) as service:
        (start,) = service.events("service_starting")
        (engine,) = start["engine_pids"]
        os.kill(engine, signal.SIGSTOP)
        eventually(lambda: is_stopped(engine))
        client, picture = service.client, encoded(reference.images[0])
        assert client.get("/healthz").json() == {"status": "alive"}
        for response in (
            client.get("/readyz"),
            client.get("/models"),
            client.post("/predict", content=picture),
            client.post("/predict", json=as_base64(reference.images[:1])),
        ):
            assert retry_after_seconds(response) >= 1
        assert client.get("/metrics").status_code == 200
        assert client.get("/openapi.json").status_code == 200
        os.kill(engine, signal.SIGCONT)
        eventually(service.is_ready)
        assert client.get("/readyz").json() == {"status": "ready"}
        assert rows(client.post("/predict", content=picture)).argmax() == 0
        assert client.get("/models").json()["engine"]["pid"] == engine == service.engine_pid
        assert service.http_pid == start["http_pid"]


@pytest.mark.slow
def test_without_models_it_starts_says_so_and_is_not_ready(tmp_path: Path, reference: Reference) -> None:
    with started(tmp_path / "none") as service:
        (event,) = eventually(lambda: service.events("no_models"))
        assert event["level"] == "error"
        assert event["models_dir"] == str(tmp_path / "none")
        document = eventually(lambda: _json_of_200(service, "/models"))
        assert document["models"] == []
        assert document["engine"]["ready"] is False
        assert service.client.get("/healthz").status_code == 200
        assert retry_after_seconds(service.client.get("/readyz")) >= 1
        assert retry_after_seconds(service.client.post("/predict", content=encoded(reference.images[0]))) >= 1


def _json_of_200(service: Service, path: str) -> dict[str, Any]:
    response = service.client.get(path)
    return dict(response.json()) if response.status_code == 200 else {}


def refusal(settings: dict[str, str], command: Sequence[str] = ("-m", "service")) -> str:
    """The one line that a service which cannot start says, once it has ended with status 2."""
    ran = run_python(command, settings)
    assert ran.returncode == 2, ran.stderr
    lines = [line for line in ran.stderr.splitlines() if line.startswith("digits: ")]
    assert len(lines) == 1, ran.stderr
    assert "Traceback" not in ran.stderr
    return lines[0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DIGITS_PORT", "eighty"),
        ("DIGITS_PORT", "65536"),
        ("DIGITS_WORKERS", "-1"),
        ("DIGITS_DEVICE", "tpu"),
        ("DIGITS_VERSION_POLICY", "newest"),
        ("DIGITS_DEADLINE_SECONDS", "0"),
        ("DIGITS_LOG_LEVEL", "loud"),
        ("DIGITS_MAX_PICTURES", "100000"),
        ("DIGITS_RUN_DIR", "/tmp/" + "long" * 30),
        ("DIGITS_RUN_DIR", "/dev/null/run"),
    ],
)
def test_a_setting_that_does_not_fit_is_named(name: str, value: str) -> None:
    assert name in refusal({name: value})


def test_all_settings_that_do_not_fit_are_named_at_once() -> None:
    line = refusal({"DIGITS_PORT": "x", "DIGITS_THREADS": "0"})
    assert "DIGITS_PORT" in line
    assert "DIGITS_THREADS" in line


def test_a_port_that_is_taken_is_said_in_one_line_and_nothing_is_left_behind(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        line = refusal({"DIGITS_PORT": str(port), "DIGITS_RUN_DIR": str(tmp_path / "run")})
    assert line.startswith(f"digits: cannot listen on 127.0.0.1:{port}: Address already in use")
    assert "DIGITS_PORT" in line
    assert not (tmp_path / "run").exists()


def test_a_host_that_is_none_is_said_in_one_line(tmp_path: Path) -> None:
    line = refusal({"DIGITS_HOST": "192.0.2.1", "DIGITS_PORT": "0", "DIGITS_RUN_DIR": str(tmp_path / "run")})
    assert line.startswith("digits: cannot listen on 192.0.2.1:0: ")


def test_a_second_service_in_the_same_run_directory_is_refused_and_does_not_disturb_the_first(
    service: Service, reference: Reference
) -> None:
    line = refusal({"DIGITS_PORT": "0", "DIGITS_RUN_DIR": str(service.run_dir)})
    assert str(service.run_dir) in line
    assert "DIGITS_RUN_DIR" in line
    assert rows(service.client.post("/predict", content=encoded(reference.images[3]))).argmax() == 3
    assert service.metric("digits_requests_total", route="/predict", status="200") > 0


@pytest.mark.slow
def test_a_gpu_that_is_asked_for_and_not_there_ends_the_whole_service(reference: Reference, tmp_path: Path) -> None:
    settings = {
        "CUDA_VISIBLE_DEVICES": "-1",
        "DIGITS_DEVICE": "gpu",
        "DIGITS_PORT": "0",
        "DIGITS_MODELS_DIR": str(reference.models_dir),
        "DIGITS_RUN_DIR": str(tmp_path / "run"),
    }
    assert refusal(settings).startswith("digits: DIGITS_DEVICE=gpu, but TensorFlow finds no GPU")
    assert not (tmp_path / "run").exists()
