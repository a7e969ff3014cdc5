"""Starting child processes that do not outlive their parent."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1


def spawn(
    command: Sequence[str], environment: dict[str, str], pass_fds: Sequence[int] = (), stderr: int | None = None
) -> subprocess.Popen[bytes]:
    """Start `command` in a session of its own, so that a terminal's Ctrl-C reaches the parent alone.

    It has the parent's descriptor 2 where `stderr` is no other. On Linux it gets SIGTERM when the thread that started it ends, however it ends. That must be the main thread.
    """
    return subprocess.Popen(
        command,
        env=environment,
        pass_fds=pass_fds,
        stderr=stderr,
        start_new_session=True,
        preexec_fn=_before_exec,  # noqa: PLW1509  (the supervisor has one thread)
    )


def _before_exec() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, [])  # a mask is inherited, and ours may block SIGTERM
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until it has a handler of its own: it would end by it
    end_with_parent()


def end_with_parent() -> None:
    """Let this process get SIGTERM when the thread that started it ends. Linux knows how; elsewhere nothing happens."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def stop(process: subprocess.Popen[bytes], within_seconds: float) -> int:
    """SIGTERM, then SIGKILL once `within_seconds` are over. Blocks until it has ended; its exit status."""
    if process.poll() is None:
        process.terminate()
    try:
        return process.wait(within_seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
