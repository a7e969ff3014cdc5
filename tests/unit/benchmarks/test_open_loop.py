"""The open loop against small real servers, and its arithmetic on times that are known."""

from __future__ import annotations

import math
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from benchmarks import open_loop, open_loop_generator
from benchmarks.load import LoadError, Payload
from benchmarks.open_loop import arrivals, percentiles, result_of
from benchmarks.open_loop_generator import Sent, ready_connections, send
from tests.processes import ensure_compiler

MESSAGE = b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes"
REFUSED = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\ncontent-length: 0\r\n\r\n"


@pytest.fixture(autouse=True, scope="module")
def _compiler() -> None:
    ensure_compiler()


@contextmanager
def answering(answers: list[bytes | list[bytes] | None]) -> Iterator[int]:
    """A server that gives these answers in turn, over and over, a list piece by piece; None closes the connection instead.
    Its port.
    """
    lock = threading.Lock()
    asked = 0

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            nonlocal asked
            received = b""
            while data := self.request.recv(65536):
                received += data
                while received.startswith(MESSAGE):
                    received = received[len(MESSAGE) :]
                    with lock:
                        answer = answers[asked % len(answers)]
                        asked += 1
                    if answer is None:
                        return
                    for piece in answer if isinstance(answer, list) else [answer]:
                        self.request.sendall(piece)
                        time.sleep(0.002 if isinstance(answer, list) else 0)

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        request_queue_size = 128

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def run(answers: list[bytes | list[bytes] | None], due: list[float], connections: int = 8) -> Sent:
    with answering(answers) as port:
        return send(port, MESSAGE, due, connections, drain_seconds=30, timeout_seconds=60)


def test_every_request_is_sent_when_it_is_due_and_answered() -> None:
    due = [0.0, 0.001, 0.001, 0.05]
    found = run([OK], due)
    assert found.status.tolist() == [200] * 4
    assert (found.sent >= due).all()
    assert (found.ended >= found.sent).all()
    assert found.cpu_seconds > 0


def test_many_are_sent_when_they_are_due_too() -> None:
    due = [number / 4000 for number in range(1, 400)]
    found = run([OK], due)
    assert found.status.tolist() == [200] * 399
    assert (found.sent >= due).all()
    assert (found.ended >= found.sent).all()


def test_answers_are_told_apart() -> None:
    due = [0.01 * number for number in range(8)]
    found = run([OK, REFUSED, None, OK.replace(b"200", b"500")], due, 1)
    result = result_of(found, due, 100.0, 60.0)
    assert (result.in_time, result.refused, result.failed, result.unanswered) == (2, 2, 4, 0)
    assert result.goodput == 2 / 60


def test_what_finds_no_connection_waits_for_one() -> None:
    found = run([OK], [0.0] * 50, connections=3)
    assert found.status.tolist() == [200] * 50
    assert found.most_open == 3


def test_a_connection_that_is_closed_after_an_answer_is_replaced() -> None:
    found = run([OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")], [0.0] * 20, connections=2)
    assert found.status.tolist() == [200] * 20


def test_nobody_listening_is_a_failure_of_each_request_and_ends() -> None:
    with answering([OK]) as port:
        pass
    found = send(port, MESSAGE, [0.0, 0.0, 0.0], 2, drain_seconds=30, timeout_seconds=60)
    assert found.status.tolist() == [-1] * 3


def test_who_does_not_answer_is_not_waited_for_beyond_the_drain() -> None:
    with answering([OK, [OK[:-1]]]) as port:
        found = send(port, MESSAGE, [0.0, 0.01], 1, drain_seconds=0.2, timeout_seconds=60)
    assert found.status.tolist() == [200, 0]
    assert math.isnan(found.ended[1])


def test_latency_counts_from_when_a_request_was_due() -> None:
    found = Sent(
        np.array([0.5, 1.5, math.nan]), np.array([1.0, 4.0, math.nan]), np.array([200, 200, 0], np.int32), 1, 0.006
    )
    result = result_of(found, [0.0, 1.0, 2.0], 1.0, 3.0)
    assert (result.in_time, result.late, result.unanswered) == (1, 1, 1)
    assert result.answered.max_ms == 3000
    assert result.send_delay.p50_ms == 500
    assert result.cpu_us == pytest.approx(2000)


def test_arrivals_are_a_poisson_process() -> None:
    times = np.asarray(arrivals(1000, 20, seed=1))
    gaps = np.diff(times)
    assert times[-1] < 20
    assert len(times) == pytest.approx(20_000, rel=0.03)
    # Of an exponential distribution the mean is the standard deviation.
    assert gaps.std() == pytest.approx(gaps.mean(), rel=0.03)
    assert arrivals(1000, 20, seed=1) == times.tolist()


CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ([OK[:11], OK[11:20], OK[20:-1], OK[-1:]], 200),
        ([REFUSED[:-3], REFUSED[-3:]], 429),
        (CHUNKED, 200),
        ([CHUNKED[:-5], CHUNKED[-5:]], 200),
        (b"HTTP/1.1 200 OK\r\n\r\n", -1),  # nothing says where it ends
        (b"x" * 70000, -1),
        (b"nonsense, as it were\r\nContent-Length: 0\r\n\r\n", -1),
    ],
)
def test_an_answer_is_whole_or_awaited_or_none(answer: bytes | list[bytes], status: int) -> None:
    assert run([answer], [0.0, 0.02], 1).status.tolist() == [status, status]


def test_percentiles_of_nothing_are_no_numbers() -> None:
    assert math.isnan(percentiles([]).p50_ms)
    assert percentiles([0.001, 0.002, 0.003]).p50_ms == pytest.approx(2.0)


def test_it_runs_in_a_process_of_its_own(tmp_path: Path) -> None:
    body = tmp_path / "body"
    body.write_bytes(b"hi")

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while line := self.rfile.readline():
                if line == b"\r\n":
                    assert self.rfile.read(2) == b"hi"
                    self.wfile.write(OK)

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        request_queue_size = 128

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        result = open_loop.run(server.server_address[1], "/predict", Payload(body, "text/plain", 7, 1), 50, 1)
        server.shutdown()
        thread.join()
    assert result.due == len(arrivals(50, 1, 0)) > 0
    assert result.in_time + result.late == result.due
    assert result.cpu_us > 0


def test_a_generator_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match=r"nothing to post: .*No such file"):
        open_loop.run(1, "/", Payload(tmp_path / "missing", "text/plain", 7, 1), 10, 1)


def test_connections_are_there_before_the_first_request_is_due_unless_they_are_few() -> None:
    def spread(rate: int) -> list[float]:
        return [number / rate for number in range(1, 2 * rate + 1)]

    assert [ready_connections(spread(rate)) for rate in (10, 160, 200, 800, 4000, 6000)] == [0, 0, 25, 100, 500, 640]
    assert ready_connections([]) == ready_connections([0.0]) == 0


def test_without_a_compiler_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(open_loop_generator, "_COMPILED", tmp_path)
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(LoadError, match="apt-get install build-essential"):
        send(1, MESSAGE, [0.0], 1, drain_seconds=1, timeout_seconds=60)
