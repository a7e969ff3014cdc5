"""Service, Prometheus and training as containers together: asked, watched, retrained, stopped."""

from __future__ import annotations

import datetime
import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import numpy.typing as npt
import pytest

from tests.containers.dockerfile import ROOT
from tests.containers.engine import Project, inspect, run
from tests.processes import eventually, eventually_equal

pytestmark = [pytest.mark.slow, pytest.mark.containers, pytest.mark.timeout(7200)]

ARCHITECTURE = "mlp"
PICTURE = ROOT / "examples" / "seven.png"
SCRAPE_SECONDS = 120.0
"""Prometheus asks four times a minute."""
TRIES_TO_WRITE = """
for path in ("/written", "/app/written", "/models/written", "/opt/venv/written"):
    try:
        open(path, "w")
    except OSError as error:
        print(path, error.strerror)
"""


@pytest.fixture(scope="module")
def stack(images: Project, figures: dict[str, str]) -> Project:
    """The service and Prometheus, each healthy."""
    images.compose("up", "--detach", "service", "prometheus")
    state = images.container("service")["State"]
    healthy = next(check["End"] for check in state["Health"]["Log"] if check["ExitCode"] == 0)
    figures["service: from start to healthy"] = (
        f"{(moment(healthy) - moment(state['StartedAt'])).total_seconds():.1f} s"
    )
    return images


@dataclass(frozen=True)
class Data:
    """What to learn from: a directory, what training is told of it, and the name that the model gets."""

    directory: Path
    model: str
    options: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Data:
    """MNIST where DIGITS_DATA_DIR has it, else bars drawn here."""
    given = os.environ.get("DIGITS_DATA_DIR")
    if given:
        return Data(Path(given).resolve(), ARCHITECTURE, environment={"DIGITS_DATA_DIR": "/data"})
    directory = tmp_path_factory.mktemp("data")
    directory.chmod(0o755)
    (x_train, y_train), (x_test, y_test) = bars(2000), bars(300)
    np.savez(directory / "bars.npz", x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    return Data(directory, f"{ARCHITECTURE}-bars", options=("--dataset", "/data/bars.npz"))


def bars(count: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Pictures uint8 (N, 28, 28) of a bright row whose height says which of ten classes, and the classes (N,)."""
    labels = np.arange(count, dtype=np.uint8) % 10
    pictures = np.random.default_rng(count).integers(0, 80, (count, 28, 28), dtype=np.uint8)
    pictures[np.arange(count), 4 + 2 * labels] = 255
    return pictures, labels


def moment(text: str) -> datetime.datetime:
    """The engine writes nanoseconds."""
    stamp, _, fraction = text.removesuffix("Z").partition(".")
    return datetime.datetime.fromisoformat(f"{stamp}.{(fraction or '0')[:6]:0<6}+00:00")


def ask(project: Project, model: str, **query: str) -> httpx.Response:
    """The service's answer to a picture of 28×28 pixels as they are."""
    url = f"{project.address('service', 8000)}/predict"
    headers = {"Content-Type": "application/octet-stream"}
    content = bars(1)[0].tobytes()
    return httpx.post(
        url, params={"model": model, **query}, headers=headers, content=content, timeout=30, trust_env=False
    )


def answering(project: Project, model: str) -> int:
    """The version that answers who names none."""
    return int(ask(project, model).raise_for_status().json()["version"])


def versions(project: Project, model: str) -> list[int]:
    directory = project.checkout / "models" / model
    return sorted(int(path.name) for path in directory.glob("*") if path.name.isdigit())


def ask_prometheus(project: Project, path: str, **query: str) -> dict[str, Any]:
    url = f"{project.address('prometheus', 9090)}/api/v1/{path}"
    answer = httpx.get(url, params=query, timeout=30, trust_env=False).raise_for_status()
    found: dict[str, Any] = answer.json()["data"]
    return found


def is_true(project: Project, expression: str) -> bool:
    """Whether Prometheus has a series for which the expression holds."""
    return bool(ask_prometheus(project, "query", query=expression)["result"])


def train(project: Project, data: Data, *options: str) -> subprocess.CompletedProcess[str]:
    """One epoch in the training container: whether it is any good is another test's affair. `options` are compose's."""
    given = [word for name, value in data.environment.items() for word in ("-e", f"{name}={value}")]
    mounted = ["-v", f"{data.directory}:/data:ro"]
    command = [
        "train",
        "--model",
        ARCHITECTURE,
        "--epochs",
        "1",
        "--batch-size",
        "256",
        "--augment",
        "none",
        *data.options,
    ]
    return project.attempt("run", "--rm", "-T", *options, *mounted, *given, "training", *command)


def test_the_service_reads_the_example(stack: Project) -> None:
    url = f"{stack.address('service', 8000)}/predict"
    answer = httpx.post(url, content=PICTURE.read_bytes(), timeout=30, trust_env=False).raise_for_status()
    (prediction,) = answer.json()["predictions"]
    assert prediction["digit"] == 7
    assert prediction["confidence"] > 0.9


def test_the_container_is_confined_as_the_file_says(stack: Project, user: int, figures: dict[str, str]) -> None:
    container = stack.container("service")
    host = container["HostConfig"]
    assert host["ReadonlyRootfs"] is True
    assert host["Memory"] > 0
    assert host["NanoCpus"] > 0
    assert host["CapDrop"] == ["ALL"]
    assert container["State"]["Health"]["Status"] == "healthy"
    inside = ["docker", "exec", container["Id"], "python", "-c"]
    assert int(run([*inside, "import os; print(os.getuid())"])) == user
    refused = dict(line.split(" ", 1) for line in run([*inside, TRIES_TO_WRITE]).splitlines())
    assert set(refused) == {"/written", "/app/written", "/models/written", "/opt/venv/written"}
    assert set(refused.values()) <= {"Read-only file system", "Permission denied"}
    memory = run(["docker", "stats", "--no-stream", "--format", "{{.MemUsage}}", container["Id"]])
    figures["service: memory with both models loaded"] = memory.strip()


def test_prometheus_sees_the_service_and_what_it_did(stack: Project) -> None:
    ask(stack, ARCHITECTURE).raise_for_status()
    eventually(lambda: is_true(stack, 'up{job="digits"} == 1'), SCRAPE_SECONDS)
    eventually(lambda: is_true(stack, 'sum(digits_requests_total{route="/predict"}) > 0'), SCRAPE_SECONDS)
    groups = ask_prometheus(stack, "rules")["groups"]
    assert {rule["type"] for group in groups for rule in group["rules"]} == {"recording", "alerting"}


def test_models_that_belong_to_somebody_else_are_refused_in_words(stack: Project, data: Data) -> None:
    before = versions(stack, data.model)
    ran = train(stack, data, "--user", "4321:4321")
    assert ran.returncode != 0
    assert f"/models/{data.model} cannot be written" in ran.stdout + ran.stderr
    assert "Traceback" not in ran.stdout + ran.stderr
    assert versions(stack, data.model) == before


def test_what_is_trained_in_a_container_answers(stack: Project, data: Data, user: int, figures: dict[str, str]) -> None:
    before = versions(stack, data.model)
    expected = max(before, default=0) + 1
    began_seconds = time.monotonic()
    ran = train(stack, data)
    figures["training: one epoch, start to end"] = f"{time.monotonic() - began_seconds:.1f} s"
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"/models/{data.model}/{expected}: " in ran.stdout
    assert versions(stack, data.model) == [*before, expected]
    assert (stack.checkout / "models" / data.model / str(expected)).stat().st_uid == user

    eventually_equal(lambda: ask(stack, data.model, version=str(expected)).status_code, 200)
    assert ask(stack, data.model, version=str(expected)).json()["version"] == expected
    # After one epoch it is worse than the one in service, which goes on answering; where there is none, it answers.
    assert answering(stack, data.model) == max(before, default=expected)

    promotion = ["promote", "--model", data.model, "--version", str(expected), "--label", "stable"]
    stack.compose("run", "--rm", "-T", "training", *promotion)
    eventually_equal(lambda: answering(stack, data.model), expected)


def test_a_stop_is_in_order_and_leaves_nothing_behind(stack: Project) -> None:
    stack.compose("stop")
    for service in ("service", "prometheus"):
        state = stack.container(service)["State"]
        assert (state["Status"], state["ExitCode"], state["OOMKilled"]) == ("exited", 0, False)
    assert '"signal": "SIGTERM"' in stack.compose("logs", "--no-color", "service")
    stack.compose("down", "--volumes")
    images = [inspect("image", stack.image(target))["Id"].removeprefix("sha256:") for target in ("service", "training")]
    assert all(any(image.startswith(left) for image in images) for left in stack.remains())
