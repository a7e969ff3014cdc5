"""What the figures were measured on."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
_PACKAGES = ("tensorflow-cpu", "tensorflow", "uvicorn", "gunicorn", "numpy", "opencv-python-headless")


def describe() -> dict[str, str]:
    """Date, processor, cores, versions, commit and how busy the machine is already, each as text."""
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "processor": processor(Path("/proc/cpuinfo").read_text()),
        "cores": str(len(os.sched_getaffinity(0))),
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": ", ".join(f"{name} {found}" for name in _PACKAGES if (found := _version(name))),
        "commit": _commit(),
        "load before": " ".join(f"{load:.2f}" for load in os.getloadavg()),
    }


def processor(cpuinfo: str) -> str:
    """The model's name out of the text of /proc/cpuinfo; the architecture where it states none, as on ARM."""
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _commit() -> str:
    """Of the checkout, marked where files differ from it; "unknown" outside one."""
    command = ["git", "-C", str(_ROOT), "describe", "--always", "--dirty"]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "unknown"
    return ran.stdout.strip() or "unknown"
