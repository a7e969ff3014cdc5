"""How many cores this process may use: its CPU set, and the quota of the container or service unit it runs in."""

from __future__ import annotations

import math
import os
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")


def cores() -> int:
    """At least 1. A quota of one and a half cores counts as two."""
    allowed = len(os.sched_getaffinity(0))
    quota = quota_cores(_CGROUPS, _OWN)
    return allowed if quota is None else max(1, min(allowed, math.ceil(quota)))


def quota_cores(cgroups: Path, own: Path) -> float | None:
    """The least quota of the process's control group and those above it, in cores; None where there is none.

    `cgroups` is where the unified hierarchy (version 2) is mounted, `own` the file that names the group within it. Source: the
    kernel's Documentation/admin-guide/cgroup-v2.rst, `cpu.max`: quota and period in µs, or `max`.
    """
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return None
    name = next((line[3:] for line in lines if line.startswith("0::")), "/")
    group = cgroups / name.strip("/")
    found = [
        quota
        for directory in (group, *group.parents)
        if directory.is_relative_to(cgroups) and (quota := _quota(directory / "cpu.max")) is not None
    ]
    return min(found, default=None)


def _quota(file: Path) -> float | None:
    try:
        quota, period = file.read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None
