"""What processes cost, read from Linux's /proc: memory by kind, CPU time, who is whose child."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Memory:
    """`rss` counts shared pages in full, `pss` by their share, `uss` counts only what the process alone holds."""

    rss_bytes: int
    pss_bytes: int
    uss_bytes: int


@dataclass(frozen=True)
class Process:
    pid: int
    role: str
    memory: Memory
    cpu_seconds: float


def read_memory(smaps_rollup: str) -> Memory:
    """From the text of `/proc/<pid>/smaps_rollup`, whose figures are in KiB."""
    kib: dict[str, int] = {}
    for line in smaps_rollup.splitlines():
        name, colon, rest = line.partition(":")
        if colon and rest.endswith(" kB"):
            kib[name] = int(rest.split()[0])
    return Memory(kib["Rss"] * 1024, kib["Pss"] * 1024, (kib["Private_Clean"] + kib["Private_Dirty"]) * 1024)


def read_parent_and_cpu(stat: str) -> tuple[int, float]:
    """The parent's pid, and user and system time in seconds, from the text of `/proc/<pid>/stat`.

    The name of the program stands in brackets and may itself hold brackets and spaces, so fields are counted from the
    last one (proc(5): state is field 3, ppid 4, utime 14, stime 15).
    """
    fields = stat.rpartition(")")[2].split()
    return int(fields[1]), (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND


def start_ticks(pid: int) -> int | None:
    """When `pid` was started, in clock ticks since boot; None when it has ended. Tells it from a later one."""
    try:
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] == "Z" else int(fields[19])


def descendants(pid: int) -> list[int]:
    """`pid` and all its children's children that are running, parents first."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            try:
                parent, _ = read_parent_and_cpu((entry / "stat").read_text())
            except (FileNotFoundError, ProcessLookupError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found = [pid] if (PROC / str(pid)).exists() else []
    for known in found:  # grows while it is walked
        found += sorted(children.get(known, []))
    return found


def role_of(command_line: list[str], *, is_root: bool, parent_role: str) -> str:
    """What a process of the service is there for, by its arguments: supervisor, engine, gunicorn's master, worker.

    A worker is forked from gunicorn's master and has the same arguments, so its parent tells the two apart.
    """
    if is_root:
        return "supervisor"
    if any(argument.startswith("service.engine") for argument in command_line):
        return "engine"
    if any("gunicorn" in argument for argument in command_line):
        return "HTTP worker" if parent_role == "HTTP master" else "HTTP master"
    if any("multiprocessing" in argument for argument in command_line):
        return "helper of Python"
    return Path(command_line[0]).name if command_line and command_line[0] else "unnamed"


def survey(root_pid: int) -> list[Process]:
    """Every process of the service that `root_pid` started, itself included; those that end meanwhile are left out."""
    found: list[Process] = []
    roles: dict[int, str] = {}
    for pid in descendants(root_pid):
        folder = PROC / str(pid)
        try:
            parent, cpu_seconds = read_parent_and_cpu((folder / "stat").read_text())
            memory = read_memory((folder / "smaps_rollup").read_text())
            command_line = (folder / "cmdline").read_text().split("\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        roles[pid] = role_of(command_line, is_root=pid == root_pid, parent_role=roles.get(parent, ""))
        found.append(Process(pid, roles[pid], memory, cpu_seconds))
    return found


def cpu_seconds_by_role(before: Iterable[Process], after: Iterable[Process]) -> dict[str, float]:
    """CPU time spent between two surveys, summed over the processes of a role; one that is new counts from its start."""
    started = {process.pid: process.cpu_seconds for process in before}
    spent: dict[str, float] = {}
    for process in after:
        spent[process.role] = spent.get(process.role, 0.0) + process.cpu_seconds - started.get(process.pid, 0.0)
    return spent
