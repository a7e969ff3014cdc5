"""The whole service on the device: what it says of itself, what it answers, how much goes through it."""

from __future__ import annotations

import http.client
import json
import re
import threading
import time
from pathlib import Path

import numpy as np

from benchmarks import server
from benchmarks.gpu_check.models import MEMORY_CAP_MB, TOLERANCE, pictures
from benchmarks.gpu_check.page import Verdict

ENGINES = (1, 2)
CONNECTIONS = 4
PICTURES = 1024
_RAW = {"Content-Type": "application/octet-stream"}
_GAUGES = ("digits_gpu_memory_used_bytes", "digits_gpu_memory_total_bytes", "digits_gpu_utilization_ratio")


def check(models_dir: Path, model: str, device: str, expected: Path, seconds: float) -> tuple[list[Verdict], float]:
    """With one engine: its device, its answers beside those in `expected`, `/metrics`; and pictures per second."""
    with server.running(_environment(models_dir, model, device, 1)) as running:
        engine = running.get("/models")["engine"]["device"]
        verdicts = [
            Verdict(
                f"the service runs on the {device.upper()}",
                f"{engine['kind']}: {engine['name']}",
                engine["kind"] == device,
            ),
            _answers(running.port, expected),
        ]
        rate = pictures_per_second(running.port, seconds)
        verdicts.append(_metrics(running.port, device))
    return verdicts, rate


def rate(models_dir: Path, model: str, device: str, engines: int, seconds: float) -> float:
    """Pictures per second through a service with so many engines."""
    with server.running(_environment(models_dir, model, device, engines)) as running:
        return pictures_per_second(running.port, seconds)


def pictures_per_second(port: int, seconds: float) -> float:
    """Raw pictures posted over a few connections, each of which sends its next when the last is answered."""
    images = pictures()
    body = np.resize(images, (PICTURES, *images.shape[1:])).tobytes()
    end = time.monotonic() + seconds
    requests = [0] * CONNECTIONS
    faults: list[str] = []

    def post(index: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            while time.monotonic() < end and not faults:
                connection.request("POST", "/predict", body, _RAW)
                response = connection.getresponse()
                answer = response.read()
                if response.status != 200:
                    faults.append(f"/predict was answered {response.status}: {answer[:200]!r}")
                requests[index] += 1
        except OSError as error:
            faults.append(f"/predict was not answered: {error}")
        finally:
            connection.close()

    started = time.monotonic()
    threads = [threading.Thread(target=post, args=(index,)) for index in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise server.ServerError(faults[0])
    return sum(requests) * PICTURES / (time.monotonic() - started)


def _ask(port: int, method: str, path: str, body: bytes) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body, _RAW)
        response = connection.getresponse()
        answer = response.read()
    finally:
        connection.close()
    if response.status != 200:
        raise server.ServerError(f"{path} was answered {response.status}: {answer[:200]!r}")
    return answer


def _environment(models_dir: Path, model: str, device: str, engines: int) -> dict[str, str]:
    return {
        "DIGITS_MODELS_DIR": str(models_dir.resolve()),
        "DIGITS_DEFAULT_MODEL": model,
        "DIGITS_DEVICE": device,
        "DIGITS_ENGINES": str(engines),
        "DIGITS_GPU_MEMORY_MB": str(4 * MEMORY_CAP_MB),
    }


def _answers(port: int, expected: Path) -> Verdict:
    predictions = json.loads(_ask(port, "POST", "/predict", pictures().tobytes()))["predictions"]
    found = np.array([prediction["probabilities"] for prediction in predictions])
    with np.load(expected) as arrays:
        farthest = float(np.abs(found - arrays["probabilities_256"]).max())
    return Verdict(
        f"it answers as the model on the CPU, to {TOLERANCE:g}",
        f"{len(found)} pictures differ by {farthest:.1e} at most",
        farthest <= TOLERANCE,
    )


def _metrics(port: int, device: str) -> Verdict:
    name = "`/metrics` has the GPU's memory and use"
    if device == "cpu":
        return Verdict(name, "no GPU", None)
    page = _ask(port, "GET", "/metrics", b"").decode()
    found = {
        gauge: max(
            (float(value) for value in re.findall(rf"^{gauge}{{[^}}]*}} (\S+)$", page, re.MULTILINE)), default=None
        )
        for gauge in _GAUGES
    }
    shown = ", ".join(f"{gauge} {'missing' if value is None else f'{value:g}'}" for gauge, value in found.items())
    used, total, busy = (found[gauge] for gauge in _GAUGES)
    return Verdict(name, shown, used is not None and total is not None and 0 < used < total and busy is not None)
