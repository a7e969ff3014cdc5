"""How much memory this process holds; prometheus_client's own collector is silent when several processes share metrics."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Literal

from service import metrics

_STATM = Path("/proc/self/statm")


def measure(role: Literal["engine", "worker"]) -> None:
    """Export it, where the system tells (Linux does). Takes up to 0.2 ms."""
    with contextlib.suppress(OSError):
        resident_pages = int(_STATM.read_bytes().split()[1])
        metrics.RESIDENT_MEMORY_BYTES.labels(role).set(resident_pages * os.sysconf("SC_PAGE_SIZE"))
