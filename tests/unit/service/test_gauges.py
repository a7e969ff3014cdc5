from __future__ import annotations

import subprocess
import sys

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from service.engine.gauges import Gauges

MEMORY = {"role": "engine"}


def has_gpu() -> bool:
    asks = "import pynvml; pynvml.nvmlInit(); assert pynvml.nvmlDeviceGetCount()"
    return subprocess.run([sys.executable, "-c", asks], capture_output=True, check=False).returncode == 0


def value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


def test_on_a_cpu_the_engine_measures_its_memory_and_asks_no_gpu() -> None:
    with capture_logs() as logged:
        Gauges("cpu").measure()
    found = value("digits_resident_memory_bytes", **MEMORY)
    assert found is not None
    assert found > 1e6
    assert not logged


@pytest.mark.skipif(has_gpu(), reason="there is a GPU")
def test_without_a_driver_it_says_so_once_and_measures_the_rest() -> None:
    with capture_logs() as logged:
        gauges = Gauges("gpu")
        gauges.measure()
        gauges.measure()
    assert [line["event"] for line in logged] == ["gpu_not_measured"]
    assert value("digits_gpu_memory_total_bytes", device="0") is None


@pytest.mark.skipif(not has_gpu(), reason="there is no GPU")
def test_on_a_gpu_memory_and_utilisation_are_measured() -> None:
    Gauges("gpu").measure()
    used, total = value("digits_gpu_memory_used_bytes", device="0"), value("digits_gpu_memory_total_bytes", device="0")
    busy = value("digits_gpu_utilization_ratio", device="0")
    assert used is not None
    assert total is not None
    assert busy is not None
    assert 0 <= used <= total
    assert 0 <= busy <= 1
