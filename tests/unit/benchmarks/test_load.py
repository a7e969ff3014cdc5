from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import load
from benchmarks.load import LoadError, Payload

OUTPUT = """Running 5s test @ http://127.0.0.1:8000/predict
  1 threads and 8 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     2.31ms    0.40ms   9.12ms   88.00%
    Req/Sec     3.50k   120.00     3.70k    76.00%
  17500 requests in 5.00s, 6.12MB read
  Non-2xx or 3xx responses: 3
Requests/sec:   3500.00
Transfer/sec:      1.22MB
{"duration_us": 5000000, "requests": 17500, "p50_us": 2250, "p99_us": 4100, "max_us": 9120, "status_errors": 3, \
"socket_errors": 20, "timeouts": 477}
"""


def test_the_figures_are_taken_in_their_units() -> None:
    result = load.parse(OUTPUT, 8)
    assert (result.connections, result.requests, result.duration_seconds) == (8, 17500, 5.0)
    assert (result.p50_ms, result.p99_ms, result.max_ms) == (2.25, 4.1, 9.12)


def test_every_kind_of_failure_is_an_error_and_no_throughput() -> None:
    result = load.parse(OUTPUT, 8)
    assert result.errors == 3 + 20 + 477
    assert result.requests_per_second == (17500 - 500) / 5


@pytest.mark.parametrize("output", ["", "unable to connect to 127.0.0.1:1 Connection refused\n", '{"requests": 1}\n'])
def test_no_figures_are_an_error_that_shows_what_wrk_said(output: str) -> None:
    with pytest.raises(LoadError, match="no figures"):
        load.parse(output, 1)


@pytest.mark.parametrize("seconds", [0.0, 0.5, 121.0])
def test_a_load_is_bounded_in_time(seconds: float, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="lasts 1 to 120 seconds"):
        load.run(1, Payload(tmp_path / "x", "image/png", 7, 1), 1, seconds)


def test_without_wrk_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LoadError, match="apt-get install wrk"):
        load.run(1, Payload(tmp_path / "x", "image/png", 7, 1), 1, 1)
