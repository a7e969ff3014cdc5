"""Starting, waiting, asking and stopping, against a small real server in a process of its own, with a child."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.load import Payload
from benchmarks.processes import start_ticks
from benchmarks.server import ServerError, running

# Not ready for the first two times it is asked; answers every picture with 7; its child has a session of its own.
SERVER = """
import http.server, json, os, signal, subprocess, sys
# The alarm ends it should the test fail to.
code = "import signal; signal.alarm(120); signal.pause()"
child = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
asked = []
class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, status, document):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(document).encode())
    def do_GET(self):
        if self.path == "/readyz":
            asked.append(1)
            self.answer(200 if len(asked) > 2 else 503, {})
        else:
            self.answer(200, {"child": child.pid, "asked": len(asked), "extra": os.environ.get("DIGITS_EXTRA")})
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(200, {"predictions": [{"digit": 7}] * len(body)})
def stop(*_):
    if STOPS_CHILD:
        child.kill()
        child.wait()
    os._exit(0)
signal.signal(signal.SIGTERM, stop)
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["DIGITS_PORT"])), Handler).serve_forever()
"""


def command(*, stops_child: bool = True) -> list[str]:
    return [sys.executable, "-c", SERVER.replace("STOPS_CHILD", str(stops_child))]


def test_it_is_there_once_it_is_ready_and_gone_afterwards() -> None:
    with running({"DIGITS_EXTRA": "yes"}, command=command()) as server:
        document = server.get("/anything")
        assert document["asked"] == 3
        assert document["extra"] == "yes"
        assert 0 < server.live_seconds <= server.ready_seconds
        assert {process.pid for process in server.processes()} == {server.pid, document["child"]}
    assert start_ticks(server.pid) is None
    assert start_ticks(document["child"]) is None


def test_answers_are_compared_one_by_one(tmp_path: Path) -> None:
    path = tmp_path / "three.raw"
    path.write_bytes(b"abc")
    with running({}, command=command()) as server:
        server.check(Payload(path, "application/octet-stream", 7, 3))
        with pytest.raises(ServerError, match="3 × 8"):
            server.check(Payload(path, "application/octet-stream", 8, 3))
        with pytest.raises(ServerError, match="4 × 7"):
            server.check(Payload(path, "application/octet-stream", 7, 4))


def test_a_process_left_behind_is_a_fault_and_does_not_stay() -> None:
    with (
        pytest.raises(ServerError, match="1 of 2 processes outlived SIGTERM"),
        running({}, command=command(stops_child=False)) as server,
    ):
        child = int(server.get("/")["child"])
    assert start_ticks(child) is None


def test_a_server_that_ends_early_is_told_with_its_last_words() -> None:
    code = "import sys; sys.exit('DIGITS_MODELS_DIR: no such directory')"
    with (
        pytest.raises(ServerError, match=r"ended with 1 before /healthz[^$]*no such directory"),
        running({}, command=[sys.executable, "-c", code]),
    ):
        pytest.fail("it never ran")


def test_waiting_has_an_end() -> None:
    with (
        pytest.raises(ServerError, match=r"/healthz was not 200 within 0 s"),
        running({}, command=[sys.executable, "-c", "import sys; sys.stdin.read()"], timeout_seconds=0),
    ):
        pytest.fail("it never ran")


def test_an_error_of_the_caller_stops_the_server_and_stays_the_error() -> None:
    pids = []

    def use_and_fail() -> None:
        with running({}, command=command()) as server:
            pids.append(server.pid)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        use_and_fail()
    assert [start_ticks(pid) for pid in pids] == [None]
