"""Servers of strangers: started, checked, stopped with everything they started, even what has lost its parent."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from benchmarks.peers.payloads import Body, WrongAnswerError
from benchmarks.peers.serving import by_program, serving
from benchmarks.processes import Memory, Process, start_ticks
from benchmarks.server import ROOT, ServerError, free_port

# Answers from the third time on; its child is in a session of its own and does not end with it.
SERVER = """
import http.server, os, signal, subprocess, sys
code = "import signal; signal.alarm(120); signal.pause()"
child = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
asked = []
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        asked.append(body)
        self.send_response(200 if len(asked) > 2 else 503)
        self.end_headers()
        answer = '{"predictions": [{"probabilities": [0.25, 0.75]}], "child": %d}' % child.pid
        self.wfile.write(answer.encode())
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@pytest.fixture
def bodies(tmp_path: Path) -> dict[str, Body]:
    path = tmp_path / "png"
    path.write_bytes(b"abc")
    return {"png": Body(path, "image/png", 1)}


def test_it_is_there_when_it_answers_and_gone_with_its_child(bodies: dict[str, Body]) -> None:
    port = free_port()
    command = [sys.executable, "-c", SERVER, str(port)]
    with serving("small", command, os.environ, port, "/predict", bodies) as running:
        answer = running.answer(bodies["png"]).decode()
        child = int(answer.rpartition(" ")[2].rstrip("}"))
        assert {process.pid for process in running.processes()} == {running.pid, child}
        assert {process.role for process in by_program(running.processes())} == {"Python"}
        assert running.first_answer_seconds > 0
        running.check("png", {"png": np.asarray([[0.25, 0.75]], np.float32)})
        with pytest.raises(WrongAnswerError, match="differ"):
            running.check("png", {"png": np.asarray([[0.75, 0.25]], np.float32)})
    assert start_ticks(running.pid) is None
    assert start_ticks(child) is None


def test_what_was_there_before_stays(bodies: dict[str, Body]) -> None:
    code = "import sys; sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as bystander:
        port = free_port()
        with serving("small", [sys.executable, "-c", SERVER, str(port)], os.environ, port, "/predict", bodies):
            pass
        assert start_ticks(bystander.pid) is not None
        bystander.communicate(b"")


def test_one_that_ends_early_is_told_with_its_last_words(bodies: dict[str, Body]) -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('no such option')"]
    with (
        pytest.raises(ServerError, match=r"ended with 1 before it answered[^$]*no such option"),
        serving("small", command, os.environ, free_port(), "/predict", bodies),
    ):
        pytest.fail("it never ran")


def test_waiting_has_an_end(bodies: dict[str, Body]) -> None:
    command = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    with (
        pytest.raises(ServerError, match="did not answer within 0 s"),
        serving("small", command, os.environ, free_port(), "/predict", bodies, start_seconds=0),
    ):
        pytest.fail("it never ran")


def test_whoever_lost_its_parent_is_found_and_ended() -> None:
    """In a process of its own, since it becomes the parent of every orphan from then on."""
    code = textwrap.dedent("""
        import subprocess, sys
        from benchmarks.peers.serving import adopt_orphans, sweep
        from benchmarks.processes import start_ticks
        adopt_orphans()
        orphan = "import signal; signal.alarm(120); signal.pause()"
        parent = f"import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', {orphan!r}], stdout=subprocess.DEVNULL).pid)"
        ran = subprocess.run([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True, check=True)
        pid = int(ran.stdout)
        assert start_ticks(pid) is not None
        assert sweep() == [pid]
        assert start_ticks(pid) is None
        assert sweep() == []
    """)
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_programs_are_named_after_what_runs() -> None:
    (found,) = by_program([Process(os.getpid(), "supervisor", Memory(1, 2, 3), 4.0)])
    assert found.role != "supervisor"
    assert (found.memory, found.cpu_seconds) == (Memory(1, 2, 3), 4.0)
    assert [process.role for process in by_program([Process(2**22 + 1, "x", Memory(0, 0, 0), 0.0)])] == ["gone"]
