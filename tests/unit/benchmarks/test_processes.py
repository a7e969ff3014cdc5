"""The readers of /proc, on texts whose answer is known and on this very process."""

from __future__ import annotations

import mmap
import os
import subprocess
import sys

import pytest

from benchmarks.processes import (
    Memory,
    Process,
    cpu_seconds_by_role,
    descendants,
    read_memory,
    read_parent_and_cpu,
    role_of,
    start_ticks,
    survey,
)

SMAPS_ROLLUP = """5581f0a6e000-7ffd5a9f3000 ---p 00000000 00:00 0                          [rollup]
Rss:               10240 kB
Pss:                5120 kB
Pss_Dirty:          1000 kB
Shared_Clean:       4096 kB
Private_Clean:      1024 kB
Private_Dirty:      2048 kB
Swap:                  0 kB
"""


def sleeper() -> subprocess.Popen[bytes]:
    """A process that lives until its input ends, and has said that it runs."""
    code = "import sys; print(flush=True); sys.stdin.read()"
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def test_memory_is_read_in_bytes() -> None:
    assert read_memory(SMAPS_ROLLUP) == Memory(10240 * 1024, 5120 * 1024, 3072 * 1024)


def test_a_program_may_have_brackets_and_spaces_in_its_name() -> None:
    ticks = os.sysconf("SC_CLK_TCK")
    stat = f"42 (a) b (c)) S 7 42 42 0 -1 4194560 100 0 0 0 {3 * ticks} {ticks // 2} 0 0 20 0 1 0 12345 0 0"
    assert read_parent_and_cpu(stat) == (7, 3.5)


def test_this_process_is_seen_with_its_child() -> None:
    with sleeper() as child:
        assert descendants(os.getpid())[0] == os.getpid()
        assert child.pid in descendants(os.getpid())
        assert start_ticks(child.pid) is not None
        child.communicate(b"")
    assert child.pid not in descendants(os.getpid())
    assert start_ticks(child.pid) is None


def test_a_survey_sees_memory_that_is_taken_and_time_that_is_spent() -> None:
    before = survey(os.getpid())[0]
    size = 64 * 2**20
    with mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE) as taken:
        for page in range(0, size, mmap.PAGESIZE):
            taken[page] = 1
        after = survey(os.getpid())[0]
    assert after.role == "supervisor"
    assert after.memory.uss_bytes - before.memory.uss_bytes > 0.9 * size
    assert after.memory.rss_bytes >= after.memory.pss_bytes >= after.memory.uss_bytes > 0
    assert 0 < before.cpu_seconds <= after.cpu_seconds


@pytest.mark.parametrize(
    ("command", "parent", "role"),
    [
        (["python", "-m", "service.engine", ""], "supervisor", "engine"),
        (["python", "-m", "gunicorn", "--config", "x"], "supervisor", "HTTP master"),
        (["python", "-m", "gunicorn", "--config", "x"], "HTTP master", "HTTP worker"),
        (["python", "-c", "from multiprocessing.resource_tracker import main"], "engine", "helper of Python"),
        (["/usr/bin/sleep", "1"], "engine", "sleep"),
        ([""], "engine", "unnamed"),
    ],
)
def test_roles_are_told_by_arguments_and_parent(command: list[str], parent: str, role: str) -> None:
    assert role_of(command, is_root=False, parent_role=parent) == role
    assert role_of(command, is_root=True, parent_role="") == "supervisor"


def test_cpu_time_is_summed_by_role_and_a_new_process_counts_in_full() -> None:
    memory = Memory(0, 0, 0)
    before = [Process(1, "engine", memory, 10.0), Process(2, "HTTP worker", memory, 1.0)]
    after = [
        Process(1, "engine", memory, 12.0),
        Process(2, "HTTP worker", memory, 1.5),
        Process(3, "HTTP worker", memory, 0.25),
    ]
    assert cpu_seconds_by_role(before, after) == {"engine": 2.0, "HTTP worker": 0.75}
