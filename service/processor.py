"""What this machine's processor can do."""

from __future__ import annotations

import contextlib
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")


def features(cpuinfo: Path = _CPUINFO) -> frozenset[str]:
    """The flags that Linux states of an x86 processor, such as `avx2`; none of any other."""
    with contextlib.suppress(OSError):
        for line in cpuinfo.read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "flags":
                return frozenset(value.split())
    return frozenset()
