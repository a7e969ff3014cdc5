"""Child processes, real ones."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from service.children import spawn, stop

READY = "print('ready', flush=True)"
WAITS = f"import signal; {READY}; signal.pause()"
OBEYS = f"import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(7)); {READY}; signal.pause()"
REFUSES = f"import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n{READY}\nwhile True: signal.pause()"
SAYS = "import os, signal; print(os.getsid(0) == os.getpid(), os.environ['WORD'], len(signal.pthread_sigmask(0, [])))"


@contextmanager
def child(code: str) -> Iterator[subprocess.Popen[bytes]]:
    """A child that has said that it is ready."""
    read, write = os.pipe()
    stdout = os.dup(1)
    try:
        os.dup2(write, 1)
        process = spawn([sys.executable, "-c", code], dict(os.environ))
    finally:
        os.dup2(stdout, 1)
        os.close(stdout)
        os.close(write)
    try:
        with os.fdopen(read) as said:
            assert said.readline() == "ready\n"
            yield process
    finally:
        process.kill()
        process.wait()


def test_stop_asks_first() -> None:
    with child(OBEYS) as process:
        assert stop(process, 60.0) == 7
    with child(WAITS) as process:
        assert stop(process, 60.0) == -signal.SIGTERM


def test_stop_insists_when_the_time_is_over() -> None:
    with child(REFUSES) as process:
        assert stop(process, 0.01) == -signal.SIGKILL


def test_stop_of_what_has_ended() -> None:
    with child(f"{READY}; raise SystemExit(3)") as process:
        process.wait()
        assert stop(process, 60.0) == 3
        assert stop(process, 60.0) == 3


def test_a_child_has_a_session_and_an_environment_of_its_own_and_no_signal_blocked(
    capfd: pytest.CaptureFixture[str],
) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    try:
        process = spawn([sys.executable, "-c", SAYS], {**os.environ, "WORD": "word"})
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    assert process.wait() == 0
    assert capfd.readouterr().out == "True word 0\n"


def test_a_child_inherits_what_it_is_given_and_nothing_else(capfd: pytest.CaptureFixture[str]) -> None:
    given, kept = os.pipe()
    os.set_inheritable(kept, True)
    code = f"import os\nfor fd in ({given}, {kept}):\n    try: os.fstat(fd); print('open')\n    except OSError: print('closed')"
    try:
        process = spawn([sys.executable, "-c", code], dict(os.environ), pass_fds=[given])
        assert process.wait() == 0
    finally:
        os.close(given)
        os.close(kept)
    assert capfd.readouterr().out == "open\nclosed\n"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_a_child_does_not_outlive_its_parent(end: signal.Signals) -> None:
    parent_code = (
        "import os, sys, signal\nfrom service.children import spawn\n"
        f"spawn([sys.executable, '-c', {WAITS!r}], dict(os.environ))\nsignal.pause()\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", parent_code], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    with parent.stdout as said:
        assert said.readline() == b"ready\n"  # the child's: it holds the pipe too
        parent.send_signal(end)
        assert parent.wait() == -end
        assert said.read() == b""  # comes when the last holder of the pipe has ended
