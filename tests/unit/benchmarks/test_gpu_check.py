"""The GPU check: its page, its verdicts, its way out without a GPU; and the whole of it on the CPU."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.gpu_check import nvml
from benchmarks.gpu_check.__main__ import NO_GPU
from benchmarks.gpu_check.models import ANSWERED_SIZES, ENGINES, _placed, pictures
from benchmarks.gpu_check.page import Rates, Report, Verdict, as_json, as_markdown
from benchmarks.gpu_check.probe import Job
from benchmarks.gpu_check.probe import as_json as job_as_json

ROOT = Path(__file__).resolve().parents[3]


def report(*passed: bool | None) -> Report:
    verdicts = [Verdict(f"check {number}", "this much", one) for number, one in enumerate(passed)]
    rates = Rates({"GPU": {1: 1000.4, 64: 50_000.0}, "CPU": {1: 900.0, 64: 4000.0}}, {"GPU": {1: 0.5, 64: 1.25}})
    return Report({"GPU 0": "an H200"}, verdicts, {"cnn": rates}, {"1 engine": 123_456.7})


@pytest.mark.parametrize(
    ("verdicts", "passed"), [((True, True), True), ((True, None), True), ((None, False, True), False)]
)
def test_it_passes_when_nothing_failed(verdicts: tuple[bool | None, ...], passed: bool) -> None:
    assert report(*verdicts).passed is passed
    assert json.loads(as_json(report(*verdicts)))["passed"] is passed


def test_the_page_has_each_check_each_rate_and_the_machine() -> None:
    page = as_markdown(report(True, False, None)).splitlines()
    assert "- GPU 0: an H200" in page
    assert [line for line in page if line.startswith("| check ")][1:] == [
        "| check 0 | this much | yes |",
        "| check 1 | this much | **no** |",
        "| check 2 | this much | – |",
    ]
    assert "| batch | GPU | CPU | first batch, GPU |" in page
    assert "| 64 | 50,000 | 4,000 | 1.25 s |" in page
    assert "| 1 engine | 123,457 |" in page


@pytest.mark.parametrize(
    ("operations", "passed"),
    [
        ({"GPU:0": {"Conv2D": 4, "MatMul": 1}}, True),
        ({"GPU:0": {"Conv2D": 4}, "CPU:0": {"MatMul": 1}}, False),
        ({"CPU:0": {"Conv2D": 4}}, False),
        ({}, False),
    ],
)
def test_every_heavy_operation_has_to_be_on_the_device(operations: dict[str, dict[str, int]], passed: bool) -> None:
    assert _placed("cnn/1", "gpu", operations).passed is passed


def test_the_pictures_are_many_kinds_and_the_same_each_time() -> None:
    assert pictures().shape == (256, 28, 28, 1)
    assert pictures().dtype == np.uint8
    assert len(pictures()) % max(ANSWERED_SIZES) == 0
    assert len(np.unique(pictures().reshape(256, -1), axis=0)) > 240
    np.testing.assert_array_equal(pictures(), pictures())


def test_a_job_comes_through_the_command_line_as_it_was() -> None:
    job = Job("models/cnn/2", "gpu", 256, xla=True, sizes=(1, 64))
    given = json.loads(job_as_json(job))
    assert Job(**{**given, "sizes": tuple(given["sizes"])}) == job


@pytest.mark.skipif(bool(nvml.gpus()), reason="there is a GPU, and the check would take minutes")
def test_without_a_gpu_it_says_so_and_ends_with_a_status_of_its_own() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu_check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == NO_GPU == 3
    assert ran.stderr.startswith("no NVIDIA GPU")
    assert ran.stdout == ""


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_whole_check_runs_on_a_cpu(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.gpu_check", "--device", "cpu", "--models", "mlp", "--sizes", "1", "8"]
    ran = subprocess.run(
        [*command, "--seconds", "0.1", "--out", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    (file,) = tmp_path.glob("gpu-check-*.json")
    found = json.loads(file.read_bytes())
    verdicts = {verdict["name"]: verdict["passed"] for verdict in found["verdicts"]}
    assert [passed for name, passed in verdicts.items() if "GPU" in name] == [None, None]
    assert all(passed for name, passed in verdicts.items() if "GPU" not in name)
    assert any(name.endswith("runs on the CPU") for name in verdicts)
    rates = found["rates"]["mlp"]["pictures_per_second"]
    ways = ["CPU, one engine", *(f"CPU, {count} engines" for count in ENGINES), "CPU, XLA"]
    assert list(rates) == ways
    assert all(set(by_size) == {"1", "8"} and min(by_size.values()) > 0 for by_size in rates.values())
    assert set(found["service"]) == {"1 engine", "2 engines"}
    assert file.with_suffix(".md").read_text() == ran.stdout.removesuffix("\n")
